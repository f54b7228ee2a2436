import { describe, expect, it } from 'vitest';
import { detectRank } from '../../dist/distributed/index.js';

const torchrun = { RANK: '5', WORLD_SIZE: '8', LOCAL_RANK: '1', LOCAL_WORLD_SIZE: '4' };
const slurm = {
  SLURM_PROCID: '6',
  SLURM_NTASKS: '7',
  SLURM_LOCALID: '0',
  SLURM_NODEID: '3',
  SLURM_TASKS_PER_NODE: '2(x3),1',
};
const openmpi = {
  OMPI_COMM_WORLD_RANK: '2',
  OMPI_COMM_WORLD_SIZE: '4',
  OMPI_COMM_WORLD_LOCAL_RANK: '0',
  OMPI_COMM_WORLD_LOCAL_SIZE: '2',
};

describe('detectRank', () => {
  it.each([
    ['nothing', {}, [0, 0, 1, 1, 'single']],
    ['torchrun', torchrun, [5, 1, 8, 4, 'torchrun']],
    [
      'DeepSpeed, which says LOCAL_SIZE',
      { ...torchrun, LOCAL_WORLD_SIZE: '', LOCAL_SIZE: '2' },
      [5, 1, 8, 2, 'torchrun'],
    ],
    ['one process a machine', { RANK: '1', WORLD_SIZE: '2' }, [1, 0, 2, 1, 'torchrun']],
    ['Slurm', slurm, [6, 0, 7, 1, 'slurm']],
    [
      'Slurm on the second machine',
      { ...slurm, SLURM_PROCID: '3', SLURM_LOCALID: '1', SLURM_NODEID: '1' },
      [3, 1, 7, 2, 'slurm'],
    ],
    ['Open MPI', openmpi, [2, 0, 4, 2, 'openmpi']],
    ['mpirun inside Slurm', { ...slurm, ...openmpi }, [2, 0, 4, 2, 'openmpi']],
    ['torchrun inside Slurm', { ...slurm, ...torchrun }, [5, 1, 8, 4, 'torchrun']],
    [
      'an indexed Job with a world size',
      { JOB_COMPLETION_INDEX: '2', WORLD_SIZE: '3' },
      [2, 0, 3, 1, 'kubernetes'],
    ],
    ['an indexed Job of separate processes', { JOB_COMPLETION_INDEX: '2' }, [0, 0, 1, 1, 'single']],
    [
      'explicit variables before all others',
      { ...torchrun, MILLRACE_RANK: '1', MILLRACE_WORLD_SIZE: '2' },
      [1, 0, 2, 1, 'explicit'],
    ],
  ])('reads %s', (_, environment, [rank, localRank, worldSize, localWorldSize, launcher]) => {
    expect(detectRank(environment)).toEqual({ rank, localRank, worldSize, localWorldSize, launcher });
  });

  it.each([
    ['RANK', { ...torchrun, RANK: '8' }],
    ['RANK', { ...torchrun, RANK: '-1' }],
    ['RANK', { WORLD_SIZE: '4' }],
    ['RANK', { LOCAL_RANK: '1' }],
    ['WORLD_SIZE', { RANK: '0' }],
    ['WORLD_SIZE', { ...torchrun, WORLD_SIZE: '8.5' }],
    ['LOCAL_RANK', { ...torchrun, LOCAL_RANK: '4' }],
    ['LOCAL_WORLD_SIZE', { ...torchrun, RANK: '1', WORLD_SIZE: '2' }],
    ['SLURM_TASKS_PER_NODE', { ...slurm, SLURM_TASKS_PER_NODE: 'two' }],
    ['SLURM_NODEID', { ...slurm, SLURM_NODEID: '4' }],
    ['OMPI_COMM_WORLD_SIZE', { OMPI_COMM_WORLD_RANK: '0' }],
    ['MILLRACE_WORLD_SIZE', { MILLRACE_RANK: '0' }],
  ])('names %s when it is wrong in %j', (variable, environment) => {
    expect(() => detectRank(environment)).toThrow(
      expect.objectContaining({ code: 'ERR_MILLRACE_CONFIG', field: variable }),
    );
  });

  it.each([
    ['RANK: is 5, but OMPI_COMM_WORLD_RANK is 2', { ...torchrun, ...openmpi, OMPI_COMM_WORLD_SIZE: '8' }],
    ['RANK: is 5, but SLURM_PROCID is 6', { ...torchrun, ...slurm, SLURM_NTASKS: '8' }],
    ['OMPI_COMM_WORLD_SIZE: is 4, but WORLD_SIZE is 8', { ...openmpi, WORLD_SIZE: '8' }],
    ['SLURM_NTASKS: is 7, but WORLD_SIZE is 2', { ...slurm, WORLD_SIZE: '2' }],
  ])('shows both variables of a conflict: %s', (message, environment) => {
    expect(() => detectRank(environment)).toThrow(message);
    expect(detectRank({ ...environment, MILLRACE_RANK: '0', MILLRACE_WORLD_SIZE: '1' }).rank).toBe(0);
  });
});
