//! The list as tables.

use std::fmt::{self, Write};

use super::lines::{reasons, why_text};
use super::plain::{Plain, acts};
use super::{Names, certain};
use crate::report::types::ListReport;

/// Rows with a head, quoted as RFC 4180 says; lines end with LF, as in everything here.
pub fn write_csv(report: &ListReport, out: &mut dyn Write) -> fmt::Result {
    let explained = !report.explanations.is_empty();
    out.write_str(if explained { "src,dst,conn,why\n" } else { "src,dst,conn\n" })?;
    let names = Names::new(report);
    for connection in &report.connections {
        let Some((allowed, suffix)) = certain(connection) else {
            continue;
        };
        write_field(names.of(&connection.from), "", out)?;
        out.write_char(',')?;
        write_field(names.of(&connection.to), "", out)?;
        out.write_char(',')?;
        write_field(allowed, suffix, out)?;
        if let Some(why) = connection.why {
            out.write_char(',')?;
            write_field(&why_text(report, why), "", out)?;
        }
        out.write_char('\n')?;
    }
    Ok(())
}

/// A field, quoted where it must be.
pub fn write_field(text: &str, suffix: &str, out: &mut dyn Write) -> fmt::Result {
    if !text.contains([',', '"', '\n', '\r']) {
        out.write_str(text)?;
        return out.write_str(suffix);
    }
    write!(out, "\"{}{suffix}\"", text.replace('"', "\"\""))
}

/// A table, then what is not known as a list.
pub fn write_markdown(report: &ListReport, out: &mut dyn Write) -> fmt::Result {
    let explained = !report.explanations.is_empty();
    out.write_str(match explained {
        true => "| src | dst | conn | why |\n|-----|-----|------|-----|\n",
        false => "| src | dst | conn |\n|-----|-----|------|\n",
    })?;
    let names = Names::new(report);
    for connection in &report.connections {
        let Some((allowed, suffix)) = certain(connection) else {
            continue;
        };
        let [from, to] = [&connection.from, &connection.to].map(|id| Literal(names.of(id)));
        write!(out, "| {from} | {to} | {}{suffix} |", Literal(allowed))?;
        if let Some(why) = connection.why {
            write!(out, " {} |", Literal(&why_text(report, why)))?;
        }
        out.write_char('\n')?;
    }
    let reasons = reasons(&report.notes);
    if !reasons.is_empty() {
        out.write_str("\nUnknown (not listed above):\n\n")?;
    }
    for (message, notes) in reasons {
        let rules = if notes.len() == 1 { "rule" } else { "rules" };
        writeln!(out, "- {} ({} {rules})", prose(message), notes.len())?;
    }
    Ok(())
}

/// A message, whose backticks mean in Markdown what they mean here.
pub fn prose(message: &str) -> String {
    let parts = message.split('`').enumerate();
    let parts = parts.map(|(i, part)| match i % 2 {
        0 => Literal(part).to_string(),
        _ => format!("`{}`", Plain(part)),
    });
    parts.collect()
}

/// A text that Markdown shows as it is.
///
/// Escaping every `[Deployment]` would make the source hard to read and is not needed, so only
/// texts with other marks are escaped, and then whole.
pub struct Literal<'t>(pub &'t str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_harmless(self.0) {
            return f.write_str(self.0);
        }
        for c in self.0.chars() {
            match c {
                // A backslash before a line's end would break the line.
                c if acts(c) => write!(f, "{}", Plain(c.encode_utf8(&mut [0; 4])))?,
                // What HTML would take for a tag is safest as an entity.
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                c if c.is_ascii_punctuation() => write!(f, "\\{c}")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Letters, digits and marks that mean nothing within a cell. Brackets mean something when another
/// pair or a parenthesis follows.
fn is_harmless(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || " /-.,:;()[]{}'".contains(c);
    text.chars().all(plain)
        && !["](", "][", "]:", "://", "www."].iter().any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_shows_names_as_they_are() {
        let literal = |text: &str| Literal(text).to_string();
        assert_eq!(literal("shop/web[Deployment]"), "shop/web[Deployment]");
        assert_eq!(literal("a|b"), "a\\|b");
        assert_eq!(literal("[x](javascript:y)"), "\\[x\\]\\(javascript\\:y\\)");
        assert_eq!(literal("<img>&"), "&lt;img&gt;&amp;");
        assert_eq!(literal("a\nb"), "a\\u{a}b");
        assert_eq!(literal("`_*"), "\\`\\_\\*");
        assert_eq!(prose("give `--pod_cidr` (or not) *"), "give `--pod_cidr` \\(or not\\) \\*");
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let field = |text: &str| {
            let mut out = String::new();
            write_field(text, "", &mut out).unwrap();
            out
        };
        assert_eq!(field("TCP 80"), "TCP 80");
        assert_eq!(field("TCP 80,443"), "\"TCP 80,443\"");
        assert_eq!(field("a\"b\nc"), "\"a\"\"b\nc\"");
    }
}
