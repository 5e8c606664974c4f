import init, { initSync, version } from '@portcullis/engine';

const text: string = version();
const loaded: Promise<void> = init();
await init(new URL('file:///engine_bg.wasm'));
initSync(new Uint8Array());
// @ts-expect-error: a number is no source
await init(1);
// @ts-expect-error: the raw module's memory is not part of the package
(await init()).memory;

export { loaded, text };
