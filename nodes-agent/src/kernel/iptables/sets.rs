//! Sets of ipset.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::session::{Answer, Session};
use crate::kernel::KernelError;
use crate::kernel::exec::{find, run};

/// Texts of more lines are given to a tool of their own: it sends many lines to the kernel at
/// once, where one that stays sends each by itself. From here on that outweighs starting it.
const FEW: usize = 128;

/// With these it reads lines and goes on after a bad one.
const WORDS: [&str; 2] = ["-exist", "-"];

/// How long a tool that stays may take for a text.
const PATIENCE: Duration = Duration::from_secs(5);

/// The tool.
#[derive(Debug)]
pub struct Sets {
    tool: PathBuf,
    /// One that stays, from the first small text on.
    staying: Mutex<Staying>,
}

/// Whether a tool stays.
#[derive(Debug)]
enum Staying {
    /// None does yet, or not any more.
    No,
    /// One does, and has done all that it was told.
    Yes(Session),
    /// One that was started never did anything: this version cannot.
    Never,
}

impl Staying {
    /// The one that stays, or a new one.
    fn take(&mut self, tool: &Path) -> Option<Session> {
        match std::mem::replace(self, Self::No) {
            Self::Yes(session) => Some(session),
            Self::No => Session::start(tool, &WORDS).ok(),
            Self::Never => {
                *self = Self::Never;
                None
            }
        }
    }
}

impl Sets {
    /// The tool.
    ///
    /// # Errors
    /// If it is not installed.
    pub fn find() -> Result<Self, KernelError> {
        Ok(Self { tool: find("ipset")?, staying: Mutex::new(Staying::No) })
    }

    /// Does what a text of `ipset restore` says; what is there already is no error.
    ///
    /// # Errors
    /// If a line is refused, or the tool does not answer; those before it have been done, those
    /// after it may have been.
    pub fn restore(&self, text: &str) -> Result<(), KernelError> {
        if text.is_empty() || (text.lines().nth(FEW).is_none() && self.told(text)?) {
            return Ok(());
        }
        run(&self.tool, &["restore", "-exist"], text).map(|_| ())
    }

    /// Has the tool that stays do a text; whether it did all of it. If not, whoever does it again
    /// learns which line is refused: to do a line twice is no error.
    fn told(&self, text: &str) -> Result<bool, KernelError> {
        // A thread that panicked has taken the session with it.
        let mut staying = self.staying.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut session) = staying.take(&self.tool) else { return Ok(false) };
        let told = session.tell(text, PATIENCE);
        *staying = match &told {
            Ok(Answer::Done) => Staying::Yes(session),
            Err(_) if !session.has_answered() => Staying::Never,
            _ => Staying::No,
        };
        match told {
            Ok(answer) => Ok(answer == Answer::Done),
            Err(source) if source.kind() == io::ErrorKind::TimedOut => {
                Err(KernelError::Run { command: format!("ipset {}", WORDS.join(" ")), source })
            }
            Err(_) => Ok(false),
        }
    }

    /// Sets whose names begin with one of some words, and maybe others, as `ipset save` prints them.
    ///
    /// # Errors
    /// If the tool fails.
    pub fn save(&self, prefixes: &[String]) -> Result<String, KernelError> {
        // One that a newer ipset has made may be such that this one cannot list it.
        run(&self.tool, &["save"], "").or_else(|_| self.save_one_by_one(prefixes))
    }

    fn save_one_by_one(&self, prefixes: &[String]) -> Result<String, KernelError> {
        let names = run(&self.tool, &["list", "-name"], "")?;
        let ours = |name: &&str| prefixes.iter().any(|prefix| name.starts_with(prefix));
        let texts = names.lines().filter(ours).map(|name| run(&self.tool, &["save", name], ""));
        texts.collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A tool that writes down how it is called and what it does, and refuses lines with `full`.
    fn tool(name: &str, reads: &str) -> (Sets, PathBuf) {
        let folder = std::env::temp_dir().join(format!("portcullis-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (tool, log) = (folder.join("ipset"), folder.join("log"));
        let text = format!(
            "#!/bin/sh\n\
             echo \"$*\" >> {0}\n\
             [ \"$*\" != '-exist -' ] || {{ {reads}; }}\n\
             number=0\n\
             while read -r line; do\n\
               number=$((number + 1))\n\
               case \"$*.$line\" in\n\
                 restore*full*) echo \"Error in line $number: full\" >&2; exit 1 ;;\n\
                 *full*) echo 'full' >&2 ;;\n\
                 *create\\ -*) echo \"typename '${{line#create - }}' is unknown\" >&2 ;;\n\
                 *) echo \"$line\" >> {0} ;;\n\
               esac\n\
             done\n",
            log.display()
        );
        // Not written by this process: one that it forks meanwhile would hold the file open, and
        // what is open for writing is not run.
        let install = format!("cat > {0} && chmod 755 {0}", tool.display());
        run(Path::new("/bin/sh"), &["-c", &install], &text).unwrap();
        (Sets { tool, staying: Mutex::new(Staying::No) }, log)
    }

    fn log(path: &Path) -> Vec<String> {
        fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn small_texts_go_to_one_tool_and_refusals_name_the_line() {
        let (sets, path) = tool("stays", ":");
        sets.restore("").unwrap();
        sets.restore("add a 1\n").unwrap();
        sets.restore("add a 2\ndel a 1\n").unwrap();
        let refused = sets.restore("add a 3\nadd full 4\nadd a 5\n").unwrap_err();
        let said = "`ipset restore -exist` failed: Error in line 2: full (at `add full 4`)";
        assert_eq!(refused.to_string(), said);
        sets.restore("add a 6\n").unwrap();
        sets.restore(&"add a 7\n".repeat(FEW + 1)).unwrap();
        let told = log(&path);
        let first = ["-exist -", "add a 1", "add a 2", "del a 1", "add a 3", "add a 5"];
        assert_eq!(told[..6], first);
        assert_eq!(told[6..10], ["restore -exist", "add a 3", "-exist -", "add a 6"]);
        assert_eq!((&*told[10], told.len()), ("restore -exist", 11 + FEW + 1));
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_version_that_cannot_stay_is_not_asked_again() {
        let (sets, path) = tool("leaves", "exit 2");
        sets.restore("add a 1\n").unwrap();
        sets.restore("add a 2\n").unwrap();
        let told = ["-exist -", "restore -exist", "add a 1", "restore -exist", "add a 2"];
        assert_eq!(log(&path), told);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }
}
