import init, { Model, initSync, version } from '@portcullis/engine';

export async function main(): Promise<string> {
  await init(fetch('engine_bg.wasm'));
  initSync(new ArrayBuffer(0));
  initSync(await WebAssembly.compile(new ArrayBuffer(0)));
  const model = new Model({ 'a.yaml': '' });
  model.free();
  return version();
}
