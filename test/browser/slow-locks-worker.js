// A worker in a browser that grants a lock long after it was asked for.
import 'millrace/worker';

const { locks } = navigator;
const grant = locks.request.bind(locks);
const requestLate = (name, whileHeld) =>
  new Promise((resolve) => {
    setTimeout(() => resolve(grant(name, whileHeld)), 1000);
  });
Object.defineProperty(locks, 'request', { value: requestLate });
