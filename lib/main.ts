#!/usr/bin/env node
import { runProgram } from "./cli/program.ts";
import { processStreams } from "./cli/streams.ts";
import { programVersion } from "./cli/version.ts";

process.exitCode = await runProgram(process.argv.slice(2), programVersion(), processStreams());
