import { describe, expect, it } from 'vitest';
import { Ticket } from '../../dist/loader/engine/ticket.js';
import { WaitingTickets } from '../../dist/loader/engine/workers/waiting-tickets.js';

const ticket = (batch: number) =>
  new Ticket({ type: 'indices', epoch: 0, batch, indices: [batch], positions: { start: batch, step: 1 } });

describe('WaitingTickets', () => {
  it('maps numbers to tasks, whatever the order in which they end', () => {
    const tickets = new WaitingTickets();
    const model = new Map<number, Ticket>();
    // A fixed sequence of additions and removals, with numbers that were removed before.
    for (let step = 0, random = 1; step < 2_000; step++) {
      random = (random * 48_271) % 0x7fffffff;
      if (random % 5 < 2 || model.size === 0) {
        const added = ticket(step);
        model.set(tickets.add(added), added);
      } else {
        const id = Math.max(0, tickets.end - 1 - (random % 20));
        expect(tickets.take(id)).toBe(model.get(id));
        model.delete(id);
      }
      expect(tickets.size).toBe(model.size);
      expect(tickets.list()).toEqual([...model.values()]);
      for (const [id, expected] of model) expect(tickets.get(id)).toBe(expected);
      if (step === 1_000) {
        tickets.clear();
        model.clear();
      }
    }
    const { end } = tickets;
    expect(end).toBeGreaterThan(700);
    expect(tickets.get(-1)).toBeUndefined();
    expect(tickets.get(end)).toBeUndefined();
    expect(tickets.add(ticket(0))).toBe(end);
  });
});
