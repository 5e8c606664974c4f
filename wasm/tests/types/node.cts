import engine = require('@portcullis/engine');

const text: string = engine.version();
const loaded: Promise<void> = engine.default();
// @ts-expect-error: there is no such function
engine.nosuch();

export = { loaded, text };
