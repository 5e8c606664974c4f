//! Single values.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::super::super::Fault;
use super::super::super::scalar::{Scalar, resolve_plain, resolve_tagged};
use super::super::fault::at;
use super::super::key::Content;
use super::super::scan::CORE;
use super::super::token::{Head, Kind, Token};
use super::{Grammar, span};
use crate::source::Span;

impl<'t> Grammar<'t> {
    /// A single value, or an empty one after a tag or an anchor.
    pub(super) fn single(
        &mut self,
        head: Head,
        tag: Option<Cow<'t, str>>,
        is_anchored: bool,
    ) -> Result<(Content<'t>, Span), Fault> {
        let token = match head.kind {
            Kind::Plain | Kind::Quoted => self.scanner.take(),
            _ if is_anchored || tag.is_some() => {
                let head = Head { kind: Kind::Plain, start: head.start, end: head.start };
                Token { head, text: "".into() }
            }
            kind => return at(unexpected(kind), head.start),
        };
        Ok((content(token.text, token.head, tag.as_deref())?, span(token.head)))
    }
}

fn content<'t>(text: Cow<'t, str>, head: Head, tag: Option<&str>) -> Result<Content<'t>, Fault> {
    let plain = head.kind == Kind::Plain;
    let core = tag.map(|tag| tag.strip_prefix(CORE));
    let scalar = match core {
        None if plain && text == "<<" => return Ok(Content::Merge),
        None if plain => resolve_plain(text),
        None => Scalar::Str(text),
        Some(Some("merge")) if text == "<<" => return Ok(Content::Merge),
        Some(None) if text == "<<" && tag == Some("!") => return Ok(Content::Merge),
        Some(Some("binary")) => return binary(&text, head.start),
        Some(Some(tag @ ("bool" | "int" | "float" | "null" | "timestamp"))) => {
            let message = format!("`{text}` is not what `!!{tag}` says");
            resolve_tagged(text, tag).map_or_else(|| at(message, head.start), Ok)?
        }
        Some(_) => Scalar::Str(text),
    };
    Ok(Content::Scalar(scalar))
}

fn binary<'t>(text: &str, place: usize) -> Result<Content<'t>, Fault> {
    // Bits that are left over do not matter to Go.
    const CODE: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    let compact: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match CODE.decode(compact) {
        Ok(bytes) => Ok(Content::Scalar(Scalar::Str(decoded(&bytes).into()))),
        Err(_) => at("a `!!binary` value that is not valid base64 text", place),
    }
}

/// Bytes as text; Go takes another character for each that is none.
fn decoded(bytes: &[u8]) -> String {
    let chunks = bytes.utf8_chunks();
    chunks
        .map(|chunk| chunk.valid().to_owned() + &"\u{FFFD}".repeat(chunk.invalid().len()))
        .collect()
}

/// What to say of a token where a value is expected.
fn unexpected(kind: Kind) -> &'static str {
    match kind {
        Kind::End => "a value is missing at the end",
        Kind::Comma => "a value is missing before this comma",
        Kind::ListEnd | Kind::MappingEnd => "a bracket is closed that was not opened",
        Kind::Item => "a list item cannot start here",
        Kind::Value => "a key is missing before this `:`",
        Kind::DocumentStart | Kind::DocumentEnd => "the document ends before a value",
        _ => "a value is missing",
    }
}
