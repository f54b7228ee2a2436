/** The version of this package. A constant, because a bundle has no `package.json`. */
export const version = '0.1.0';
