//! The two streams, and the exit status.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anstream::{AutoStream, ColorChoice};
use portcullis_engine::report::text::{Ink, Plain, Style};
use serde::Serialize;

use crate::args::{Color, OutputArgs};

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The question is answered.
    Answered,
    /// Findings at or above the limit, or another verdict than expected.
    NotMet,
    /// It could not be decided: there are too many combinations.
    Undecided,
    /// The input or the arguments cannot be used.
    Unusable,
}

impl Outcome {
    /// Whether what was expected is so.
    pub fn met(is_met: bool) -> Self {
        if is_met { Self::Answered } else { Self::NotMet }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Answered => 0,
            Outcome::NotMet => 1,
            Outcome::Unusable => 2,
            Outcome::Undecided => 3,
        })
    }
}

/// The standard output: locked once and written in large pieces, since a list can have a million
/// lines.
pub struct Output {
    out: Sink,
    failure: Option<io::Error>,
}

/// Where an answer goes.
enum Sink {
    Stdout(BufWriter<StdoutLock<'static>>),
    /// To be compared with another one.
    Memory(Vec<u8>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Memory(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Memory(_) => Ok(()),
        }
    }
}

impl Output {
    pub fn new() -> Self {
        let stdout = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        Self { out: Sink::Stdout(stdout), failure: None }
    }

    /// One that keeps what is written.
    pub fn memory() -> Self {
        Self { out: Sink::Memory(Vec::new()), failure: None }
    }

    /// Says what makes an answer unusable; not of one that is only compared.
    pub fn say_error(&self, text: &str) {
        if matches!(self.out, Sink::Stdout(_)) {
            say_error(text);
        }
    }

    /// What was kept; empty if it was written.
    pub fn into_text(self) -> String {
        match self.out {
            Sink::Stdout(_) => String::new(),
            Sink::Memory(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// Writes what a rendering writes.
    pub fn render(&mut self, render: impl FnOnce(&mut Self) -> fmt::Result) -> io::Result<()> {
        // A rendering fails only when writing did.
        match (render(self), self.failure.take()) {
            (Ok(()), None) => Ok(()),
            (_, Some(failure)) => Err(failure),
            (Err(fmt::Error), None) => Err(io::Error::other("a report could not be written")),
        }
    }

    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|failure| {
            self.failure = Some(failure);
            fmt::Error
        })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Whether the reader of the standard output has gone.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

/// The style of the standard output.
pub fn style(say: OutputArgs) -> Style {
    let coloured = match say.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
    };
    if coloured { Style::Ansi } else { Style::Plain }
}

/// Prints something beside the answer, on the standard error.
pub fn say(text: &str) {
    // Where the standard error is closed, nobody misses it.
    let _ = writeln!(io::stderr(), "{}", Plain(text));
}

/// Prints why there is no answer.
pub fn say_error(text: &str) {
    let choice = AutoStream::choice(&io::stderr());
    let style = if choice == ColorChoice::Never { Style::Plain } else { Style::Ansi };
    let mut stderr = io::stderr().lock();
    for (line, text) in text.lines().enumerate() {
        let head = if line == 0 { "error:" } else { "      " };
        let _ = writeln!(stderr, "{} {}", style.paint(Ink::Bad, head), Plain(text));
    }
}

/// A line on the standard error that says what takes so long; drawn only on a terminal, only after
/// a while, and not for every file.
pub struct Progress {
    wanted: bool,
    shown: bool,
    next: Instant,
}

impl Progress {
    pub fn new(say: OutputArgs) -> Self {
        Self {
            wanted: !say.quiet && io::stderr().is_terminal(),
            shown: false,
            next: Instant::now() + Duration::from_millis(500),
        }
    }

    pub fn show(&mut self, what: impl FnOnce() -> String) {
        let now = Instant::now();
        if self.wanted && now >= self.next {
            self.shown = true;
            self.next = now + Duration::from_millis(100);
            let _ = write!(io::stderr(), "\r\x1b[K{}", Plain(&what()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
