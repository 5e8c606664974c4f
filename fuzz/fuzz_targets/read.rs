//! Reading: any bytes give documents and findings, each finding inside its file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_engine::SourceFile;

fuzz_target!(|bytes: &[u8]| {
    let file = SourceFile::new("input.yaml", bytes);
    let mut end = 0;
    for part in &file.parts {
        assert_eq!(part.range.start, end, "documents cover the text");
        end = part.range.end;
        for finding in &part.document.findings {
            if let Some(span) = finding.span {
                file.lines().position(&file.text, part.range.start + span.start as usize);
            }
        }
    }
    assert_eq!(end, file.text.len());
    // Read again with itself as what was before: nothing changes.
    let again = SourceFile::update("input.yaml", bytes, &file);
    assert_eq!(again.parts.len(), file.parts.len());
});
