//! Compares what the engine makes of texts with what kubectl makes of them.
//!
//! - `portcullis-yaml compare MUTATIONS FOLDER...` takes the small texts, every file of YAML or JSON
//!   in folders, and so many mutations of each;
//! - `portcullis-yaml record` writes what kubectl says of the small texts to the fixture.

use std::collections::BTreeMap;
use std::io::{Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use portcullis_tests::kubectl::{
    Answer, Difference, MUTATIONS, Program, comparable, difference, engine_answers, fingerprint,
    inputs, path, variants,
};
use portcullis_tests::mutate::mutate;
use portcullis_tests::random::Random;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Larger files take long and show nothing else.
const MOST: usize = 300_000;

fn main() -> Outcome<ExitCode> {
    let Some(program) = Program::start()? else {
        return Err("kubectl's reader is not built here; run: scripts/build-kube.sh".into());
    };
    let mut comparison = Comparison { program, texts: 0, documents: 0, counts: BTreeMap::new() };
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["compare", mutations, folders @ ..] => comparison.compare(mutations.parse()?, folders),
        ["record"] => comparison.record(),
        _ => Err("portcullis-yaml compare MUTATIONS FOLDER... | record".into()),
    }
}

struct Comparison {
    program: Program,
    texts: usize,
    documents: usize,
    counts: BTreeMap<Difference, usize>,
}

impl Comparison {
    fn compare(&mut self, mutations: u64, folders: &[&str]) -> Outcome<ExitCode> {
        for number in 0..inputs().len() {
            for (seed, text) in variants(number, mutations).iter().enumerate() {
                self.judge(text, &format!("text {number}, mutation {seed}"))?;
            }
        }
        let mut files = Vec::new();
        folders.iter().try_for_each(|folder| collect(Path::new(folder), &mut files))?;
        files.sort();
        let mut other = Vec::new();
        for (number, file) in files.iter().enumerate() {
            let text = std::fs::read(file)?;
            self.judge(&text, &file.display().to_string())?;
            for seed in 0..mutations {
                let mut rng = Random::new(number as u64 * 1_000 + seed);
                let mutated = mutate(&mut rng, text.clone(), &other);
                self.judge(&mutated, &format!("{}, mutation {seed}", file.display()))?;
            }
            other = text;
        }
        self.report(files.len())
    }

    fn report(&self, files: usize) -> Outcome<ExitCode> {
        let Self { texts, documents, counts, .. } = self;
        writeln!(stdout(), "{files} files, {texts} texts, {documents} documents: {counts:?}")?;
        Ok(ExitCode::from(u8::from(counts.contains_key(&Difference::Unwanted))))
    }

    fn judge(&mut self, text: &[u8], name: &str) -> Outcome<()> {
        if text.len() > MOST {
            return Ok(());
        }
        let engine = engine_answers(text);
        let Some((kubectl, found)) = self.ask(text, &engine)? else { return Ok(()) };
        self.texts += 1;
        self.documents += engine.len();
        let Some(found) = found else { return Ok(()) };
        *self.counts.entry(found).or_default() += 1;
        if found == Difference::Unwanted {
            let text = String::from_utf8_lossy(text);
            let (one, other) =
                (comparable(text.as_bytes(), &engine), comparable(text.as_bytes(), &kubectl));
            writeln!(stdout(), "{name}\n{text:?}\nengine:\n{one}kubectl:\n{other}")?;
        }
        Ok(())
    }

    /// What kubectl says, and how the engine's answers differ from that.
    fn ask(
        &mut self,
        text: &[u8],
        engine: &[Answer],
    ) -> Outcome<Option<(Vec<Answer>, Option<Difference>)>> {
        // Of keys that are equal only as strings, kubectl takes one by chance.
        const TRIES: usize = 8;
        let mut last = None;
        for _ in 0..TRIES {
            let Some(kubectl) = self.program.ask(text)? else { return Ok(None) };
            let found = difference(text, engine, &kubectl);
            let is_settled = found != Some(Difference::Unwanted);
            last = Some((kubectl, found));
            if is_settled {
                break;
            }
        }
        Ok(last)
    }

    fn record(&mut self) -> Outcome<ExitCode> {
        let mut lines = String::new();
        for number in 0..inputs().len() {
            let mut words = Vec::new();
            for text in variants(number, MUTATIONS) {
                let engine = engine_answers(&text);
                words.push(match self.ask(&text, &engine)? {
                    Some((_, Some(difference))) if difference != Difference::Unwanted => "-".into(),
                    Some((kubectl, _)) => fingerprint(&text, &kubectl),
                    None => "-".to_owned(),
                });
            }
            lines += &(words.join(" ") + "\n");
        }
        std::fs::write(path(), lines)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
    if path.is_symlink() {
        return Ok(());
    }
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json") {
        files.push(path.to_owned());
    }
    Ok(())
}
