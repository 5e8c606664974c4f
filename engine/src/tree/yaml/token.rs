//! What a text is made of.

use std::borrow::Cow;

/// What a token is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing follows.
    #[default]
    End,
    /// `---`
    DocumentStart,
    /// `...`
    DocumentEnd,
    /// A list begins, one item to a line.
    BlockList,
    /// A mapping begins, one key to a line.
    BlockMapping,
    /// The indentation of either ends.
    BlockEnd,
    /// `[`
    ListStart,
    /// `]`
    ListEnd,
    /// `{`
    MappingStart,
    /// `}`
    MappingEnd,
    /// `- `
    Item,
    /// `,`
    Comma,
    /// `? `, or a key without it.
    Key,
    /// `: `
    Value,
    /// `*name`
    Alias,
    /// `&name`
    Anchor,
    /// `!!name`, written out.
    Tag,
    /// A tag whose handle nothing defines.
    UnknownTag,
    /// A value without quotes.
    Plain,
    /// A value in quotes, or a block of lines.
    Quoted,
}

/// A piece of a text.
#[derive(Clone, Debug, Default)]
pub struct Token<'t> {
    /// What it is, and where.
    pub head: Head,
    /// The value, the name or the tag; otherwise nothing.
    pub text: Cow<'t, str>,
}

/// What a token is and where it stands.
///
/// # Units
/// Byte offsets; `end` is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// What it is.
    pub kind: Kind,
    /// Its first byte.
    pub start: usize,
    /// After its last byte.
    pub end: usize,
}
