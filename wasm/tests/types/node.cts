import engine = require('@portcullis/engine');

const text: string = engine.version();
const loaded: Promise<void> = engine.default();
const report: engine.ListReport = engine.list({});
// @ts-expect-error: there is no such function
engine.nosuch();

export = { loaded, report, text };
