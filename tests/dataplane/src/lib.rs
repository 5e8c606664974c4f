//! What the kernel does with programs: a model of it, which reads the very text that it would.
