/** When a daemon that died may be started again. */

const MOST = 5;
const WINDOW = 180_000;

/** Delays double from one second on; after five starts within three minutes the user is asked. */
export class Restarts {
  private times: number[] = [];

  /** `now` in milliseconds. */
  constructor(private readonly now: () => number) {}

  /** Milliseconds to wait before the next start, which is counted; undefined where there were enough. */
  next(): number | undefined {
    const now = this.now();
    this.times = this.times.filter((time) => now - time < WINDOW);
    if (this.times.length >= MOST) return undefined;
    this.times.push(now);
    return 1_000 * 2 ** (this.times.length - 1);
  }

  /** The user started it: what was is forgotten. */
  forget(): void {
    this.times = [];
  }
}
