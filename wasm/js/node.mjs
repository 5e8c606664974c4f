import engine from './node.cjs';

export * from './node.cjs';
export default engine.default;
