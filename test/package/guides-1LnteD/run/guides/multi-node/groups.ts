// groups.ts
import { parallelGroups } from 'millrace/distributed';

for (let rank = 0; rank < 8; rank++) {
  const { dataParallel } = parallelGroups({ tp: 4 }, { rank, worldSize: 8 });
  console.log(
    `process ${rank} takes part ${dataParallel.rank} of ${dataParallel.worldSize}`,
  );
}
