//! A list of objects, taken apart while it comes: of a large cluster it has hundreds of megabytes,
//! and only a few objects of it need to be in memory at a time.

use super::json::{Page, PageMeta};
use super::request::WatchError;

/// How many objects are decoded together.
const BATCH: usize = 250;

/// What has come of a list as JSON.
#[derive(Debug, Default)]
pub struct ListParts {
    /// How many brackets are open.
    depth: usize,
    text: Text,
    /// The last string directly in the list: the key, where a bracket follows.
    key: Vec<u8>,
    in_items: bool,
    /// The list without its items.
    frame: Vec<u8>,
    /// Items, each with a comma after it; how many of them are whole, and where these end.
    items: Vec<u8>,
    whole: usize,
    end: usize,
}

/// Whether a byte stands in a string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Text {
    #[default]
    Outside,
    Inside,
    Escaped,
}

impl ListParts {
    /// Takes what has come.
    pub fn push(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.push_byte(*byte));
    }

    /// Many items, as a list of their own, if so many have come.
    pub fn full_batch(&mut self) -> Option<Vec<u8>> {
        (self.whole >= BATCH).then(|| self.batch())
    }

    /// The rest of the items, and what the list says of itself.
    ///
    /// # Errors
    /// If it is not whole.
    pub fn end(mut self) -> Result<(Vec<u8>, PageMeta), WatchError> {
        let meta = serde_json::from_slice::<Page<'_>>(&self.frame)?.metadata;
        Ok((self.batch(), meta))
    }

    fn batch(&mut self) -> Vec<u8> {
        // An item that has only begun stays.
        let begun = self.items.split_off(self.end);
        let items = std::mem::replace(&mut self.items, begun);
        (self.whole, self.end) = (0, 0);
        let items = items.strip_suffix(b",").unwrap_or(&items);
        [br#"{"metadata":{"resourceVersion":""},"items":["#, items, b"]}"].concat()
    }

    fn push_byte(&mut self, byte: u8) {
        let was_item = self.is_item();
        match self.text {
            Text::Outside => self.push_outside(byte),
            Text::Escaped => self.push_text(byte, Text::Inside),
            Text::Inside if byte == b'\\' => self.push_text(byte, Text::Escaped),
            Text::Inside if byte == b'"' => self.text = Text::Outside,
            Text::Inside => self.push_text(byte, Text::Inside),
        }
        if was_item || self.is_item() {
            self.items.push(byte);
            if !self.is_item() {
                self.items.push(b',');
                (self.whole, self.end) = (self.whole + 1, self.items.len());
            }
        } else if !self.in_items || byte == b'[' {
            self.frame.push(byte);
        }
    }

    /// Whether the next byte is an item's.
    fn is_item(&self) -> bool {
        self.in_items && self.depth > 2
    }

    fn push_text(&mut self, byte: u8, next: Text) {
        self.text = next;
        if self.depth == 1 {
            self.key.push(byte);
        }
    }

    fn push_outside(&mut self, byte: u8) {
        match byte {
            b'"' => {
                self.text = Text::Inside;
                if self.depth == 1 {
                    self.key.clear();
                }
            }
            b'{' | b'[' => {
                self.in_items |= self.depth == 1 && byte == b'[' && self.key == b"items";
                self.depth += 1;
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.in_items &= self.depth > 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Items and version of a list that comes in pieces of a length.
    fn taken(text: &str, length: usize) -> Result<(Vec<Value>, String), WatchError> {
        let (mut parts, mut items) = (ListParts::default(), Vec::new());
        let mut add = |batch: &[u8]| {
            let batch: Value = serde_json::from_slice(batch).unwrap();
            items.extend(batch["items"].as_array().unwrap().iter().cloned());
        };
        for piece in text.as_bytes().chunks(length) {
            parts.push(piece);
            parts.full_batch().iter().for_each(|batch| add(batch));
        }
        let (rest, meta) = parts.end()?;
        add(&rest);
        Ok((items, meta.resource_version))
    }

    #[test]
    fn lists_come_in_pieces() {
        let odd =
            json!({"a": "]}\\\" [{", "items": [{"b": [1, {}]}, []], "metadata": {"items": []}});
        let items: Vec<Value> = (0..600).map(|n| json!({"n": n, "odd": odd})).collect();
        let metadata = json!({"resourceVersion": "7", "selfLink": "items"});
        for (list, pretty) in [(&items[..], false), (&items[..3], true), (&[], false)] {
            let list =
                json!({"apiVersion": "v1", "items": list, "kind": "items", "metadata": metadata});
            let text = if pretty { format!("{list:#}") } else { list.to_string() };
            for length in [1, 7, 4_096, usize::MAX] {
                let (found, version) = taken(&text, length).unwrap();
                assert_eq!(Value::from(found), list["items"]);
                assert_eq!(version, "7");
            }
        }
        let null = r#"{"metadata":{"resourceVersion":"1"},"items":null}"#;
        assert_eq!(taken(null, 3).unwrap(), (Vec::new(), "1".to_owned()));
    }

    #[test]
    fn lists_that_break_off_are_not_whole() {
        let text = r#"{"metadata":{"resourceVersion":"1"},"items":[{"a":"b"},{"c":[]}]}"#;
        for end in 0..text.len() {
            assert!(taken(&text[..end], 5).is_err(), "{}", &text[..end]);
        }
    }

    #[test]
    fn few_objects_are_held_at_a_time() {
        let item = json!({"text": "x".repeat(1_000)}).to_string();
        let items = vec![item.as_str(); 2_000].join(",");
        let text = format!(r#"{{"metadata":{{"resourceVersion":"1"}},"items":[{items}]}}"#);
        let (mut parts, mut batches) = (ListParts::default(), 0);
        // Pieces end within items.
        for piece in text.as_bytes().chunks(item.len() * 3 / 2) {
            parts.push(piece);
            batches += usize::from(parts.full_batch().is_some());
            assert!(parts.items.len() < (BATCH + 3) * item.len());
        }
        assert!(batches >= 2_000 / (BATCH + 2), "{batches}");
    }
}
