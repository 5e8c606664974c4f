//! Texts: decoding bytes, splitting into documents, finding positions.

mod bytes;
mod lines;
mod span;
mod split;

pub use bytes::{Decoded, decode};
pub use lines::{LineIndex, Position};
pub use span::Span;
pub use split::{documents, is_empty_line, is_separator};
