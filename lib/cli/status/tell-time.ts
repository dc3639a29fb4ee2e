/** A time of Kubernetes as a person reads it at night: `01:40 UTC, 23 min ago`; with the date where it is not today's. */
export function tellTime(time: string | undefined, now: number): string | undefined {
  const at = time === undefined ? Number.NaN : Date.parse(time);
  if (Number.isNaN(at)) return undefined;
  const [date, clock] = [new Date(at).toISOString().slice(0, 10), new Date(at).toISOString().slice(11, 16)];
  const isToday = date === new Date(now).toISOString().slice(0, 10);
  return `${isToday ? "" : `${date} `}${clock} UTC, ${tellSpan(Math.abs(now - at) / 1000)} ${at <= now ? "ago" : "from now"}`;
}

function tellSpan(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return seconds < 36 * 3600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
