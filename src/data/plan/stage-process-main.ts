/** Entry of the process of a stage: `node stage-process-main.js JOB`, where JOB is JSON. */
import { DotsError } from '../../core/errors.ts';
import { runStageProcess, type StageProcessJob } from './stage-process.ts';

runStageProcess(JSON.parse(process.argv[2]) as StageProcessJob).then(
  () => process.exit(0),
  (error: unknown) => {
    // The supervisor reads this line: an error of the stage as a whole, such as a missing model.
    const { code, hint } = error instanceof DotsError ? error : { code: undefined, hint: undefined };
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(
      `\n${JSON.stringify({ fatal: { name: (error as Error)?.name, message, code, hint } })}\n`,
    );
    process.exit(1);
  },
);
