'use client';

import { useEffect, useState } from 'react';
import { batches } from './batches.js';

/** Batches that two Web Workers of the page make. */
export default function Page() {
  const [text, setText] = useState('');
  useEffect(() => {
    batches(2).then(
      (made) => setText(made.join(', ')),
      (error) => setText(String(error)),
    );
  }, []);
  return <output>{text}</output>;
}
