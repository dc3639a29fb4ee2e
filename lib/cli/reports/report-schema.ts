import { z } from "zod";

/** The version of every JSON shape that commands print. */
export const reportVersion = "metachron.dev/v1alpha1";

/** A report: an object that says its version and kind first. */
export function report<Kind extends string, Shape extends z.core.$ZodLooseShape>(
  kind: Kind,
  description: string,
  shape: Shape,
): z.ZodObject<{ apiVersion: z.ZodLiteral<typeof reportVersion>; kind: z.ZodLiteral<Kind> } & Shape, z.core.$strict> {
  const head = {
    apiVersion: z.literal(reportVersion).describe("Version of this shape"),
    kind: z.literal(kind).describe("Which report this is"),
  };
  return z.strictObject({ ...head, ...shape }).meta({ id: kind, description }) as never;
}
