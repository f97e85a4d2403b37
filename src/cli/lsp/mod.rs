//! The language server: messages in, messages out. One thread reads, one checks, and this one answers; it never waits
//! for a load or a plan.

mod check;
mod complete;
mod cursor;
mod files;
mod fixes;
mod hover;
mod navigate;
mod place;
mod requests;
mod text;
mod wildcards;
mod wire;

use check::{Done, Found, Job, Loaded, Open, Snapshot};
use lsp_types as lsp;
use place::Main;
use rulemake::LoadOptions;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use text::{Encoding, Text};
use wire::Incoming;

/// What the command line says.
pub(crate) struct Setup {
    pub(crate) options: LoadOptions,
    /// The Rulefile and the root, when `-f` names it.
    pub(crate) main: Option<(PathBuf, PathBuf)>,
    pub(crate) pedantic: bool,
    pub(crate) line_length: usize,
    pub(crate) here: PathBuf,
    /// Where programs are looked for.
    pub(crate) search_path: Option<OsString>,
}

/// A pause in typing after which the workflow is checked.
const PAUSE: Duration = Duration::from_millis(150);
/// Who types without a pause is told now and then all the same.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long an answer waits for a plan that it is better with.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the main thread waits for.
enum Event {
    Said(Incoming),
    /// The stream of the client has ended, or says nothing that could be understood.
    End(Option<io::Error>),
    Done(Done),
}

/// How the server came to its end.
pub(crate) enum End {
    /// The client said goodbye, or it left without.
    Orderly,
    Abrupt,
    /// The stream cannot be read or written.
    Broken(io::Error),
}

/// Serves one client until it leaves.
pub(crate) fn serve(
    setup: Setup,
    input: impl BufRead + Send + 'static,
    output: impl Write,
) -> io::Result<End> {
    let (events, inbox) = channel();
    let (jobs, todo) = channel();
    check::start(todo, events.clone())?;
    std::thread::Builder::new().name("rulemake-lsp-read".into()).spawn(move || listen(input, &events))?;
    let mut server = Server {
        setup,
        output,
        jobs,
        encoding: Encoding::default(),
        stage: Stage::Fresh,
        plain_hover: false,
        flat_symbols: false,
        docs: BTreeMap::new(),
        files: files::Files::default(),
        loads: BTreeMap::new(),
        published: BTreeSet::new(),
        due: None,
        waiting: BTreeMap::new(),
        asked: 0,
    };
    Ok(server.run(&inbox).unwrap_or_else(End::Broken))
}

fn listen(mut input: impl BufRead, events: &Sender<Event>) {
    loop {
        let (event, is_last) = match wire::read(&mut input) {
            Ok(Some(said)) => (Event::Said(said), false),
            Ok(None) => (Event::End(None), true),
            Err(error) => (Event::End(Some(error)), true),
        };
        if events.send(event).is_err() || is_last {
            return;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Fresh,
    Running,
    ShutDown,
}

/// A document that the client has open.
struct Doc {
    uri: lsp::Uri,
    path: Option<PathBuf>,
    version: i32,
    is_rulefile: bool,
    text: Arc<Text>,
    /// The last text of it that had no mistakes.
    last: Option<Arc<Text>>,
}

/// A hover that waits for a plan.
struct Waiting {
    id: Value,
    text: String,
    range: Option<lsp::Range>,
    until: Instant,
}

/// What a request leads to.
enum Reply {
    Now(Value),
    /// It is answered when a plan is there, or is not worth waiting for.
    Later,
    /// With a code and the reason.
    Refused(i64, String),
}

impl Reply {
    fn refused(code: i64, reason: impl Into<String>) -> Reply {
        Reply::Refused(code, reason.into())
    }
}

struct Server<W> {
    setup: Setup,
    output: W,
    jobs: Sender<Job>,
    encoding: Encoding,
    stage: Stage,
    /// The client shows no Markdown.
    plain_hover: bool,
    /// The client knows no symbols in symbols.
    flat_symbols: bool,
    /// By their URIs as the client writes them.
    docs: BTreeMap<String, Doc>,
    files: files::Files,
    /// What the last check knew of each workflow.
    loads: BTreeMap<Main, Loaded>,
    /// Documents that the client was told something about.
    published: BTreeSet<String>,
    /// When to check, and the latest moment for that.
    due: Option<(Instant, Instant)>,
    waiting: BTreeMap<u64, Waiting>,
    asked: u64,
}

impl<W: Write> Server<W> {
    fn run(&mut self, inbox: &Receiver<Event>) -> io::Result<End> {
        loop {
            let next =
                self.due.map(|(due, _)| due).into_iter().chain(self.waiting.values().map(|w| w.until)).min();
            let event = match next {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(next) => inbox.recv_timeout(next.saturating_duration_since(Instant::now())),
            };
            match event {
                Ok(Event::Said(Incoming::Notification { method, .. })) if method == "exit" => {
                    return Ok(if self.stage == Stage::ShutDown { End::Orderly } else { End::Abrupt });
                }
                Ok(Event::Said(said)) => self.said(said)?,
                Ok(Event::Done(Done::Checked(checked))) => self.publish(checked)?,
                Ok(Event::Done(Done::Planned { number, text })) => self.answer_waiting(number, text)?,
                Ok(Event::End(Some(error))) => return Err(error),
                Ok(Event::End(None)) | Err(RecvTimeoutError::Disconnected) => {
                    return Ok(if self.stage == Stage::ShutDown { End::Orderly } else { End::Abrupt });
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.on_time()?;
        }
    }

    fn send(&mut self, message: &Value) -> io::Result<()> {
        wire::write(&mut self.output, message)
    }

    /// Does what its time has come for.
    fn on_time(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.due.is_some_and(|(due, _)| due <= now) {
            self.due = None;
            // The thread lives as long as this sender does.
            let _ = self.jobs.send(Job::Check(self.snapshot()));
        }
        let late: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.until <= now)
            .map(|(number, _)| *number)
            .collect();
        late.into_iter().try_for_each(|number| self.answer_waiting(number, None))
    }

    fn said(&mut self, said: Incoming) -> io::Result<()> {
        match said {
            Incoming::Response => Ok(()),
            Incoming::Wrong { id, code, message } => self.send(&wire::error(&id, code, &message)),
            Incoming::Notification { method, params } if self.stage == Stage::Running => {
                // A notification has no answer, so neither has what is wrong with it.
                self.notified(&method, params)
            }
            Incoming::Notification { .. } => Ok(()),
            Incoming::Request { id, method, params } => match self.request(&id, &method, params) {
                Reply::Later => Ok(()),
                Reply::Now(result) => self.send(&wire::result(&id, result)),
                Reply::Refused(code, message) => self.send(&wire::error(&id, code, &message)),
            },
        }
    }

    /// What a check sees: later changes do not reach it.
    fn snapshot(&self) -> Snapshot {
        let open = self.docs.values().map(|doc| Open {
            uri: doc.uri.clone(),
            version: doc.version,
            text: doc.text.clone(),
            is_rulefile: doc.is_rulefile,
        });
        Snapshot {
            open: open.collect(),
            encoding: self.encoding,
            options: self.setup.options.clone(),
            main: self.main(),
            pedantic: self.setup.pedantic,
            here: self.setup.here.clone(),
            search_path: self.setup.search_path.clone(),
        }
    }

    /// The one Rulefile, when the command line names it.
    fn main(&self) -> Option<Main> {
        self.setup.main.clone().map(|(file, root)| Main { file, root })
    }

    /// Asks for a check after a pause.
    fn check_soon(&mut self, pause: Duration) {
        let now = Instant::now();
        let latest = self.due.map_or(now + LONGEST_PAUSE, |(_, latest)| latest);
        self.due = Some(((now + pause).min(latest), latest));
    }

    fn publish(&mut self, Found { all, loads }: Found) -> io::Result<()> {
        // What fails to load was loaded before: who types does not want to lose the names meanwhile.
        self.loads.retain(|main, _| loads.contains_key(main));
        for (main, loaded) in loads {
            match loaded {
                Some(loaded) => drop(self.loads.insert(main, loaded)),
                None => drop(self.loads.entry(main).or_default()),
            }
        }
        let mut told = BTreeSet::new();
        for (uri, version, diagnostics) in all {
            // What was closed meanwhile is as on the disk.
            let version = version.filter(|_| self.docs.contains_key(uri.as_str()));
            if version.is_some() || !diagnostics.is_empty() {
                told.insert(uri.as_str().to_string());
            }
            self.tell(uri.as_str(), version, &diagnostics)?;
        }
        let silent: Vec<String> = self.published.difference(&told).cloned().collect();
        silent.iter().try_for_each(|uri| self.tell(uri, None, &[]))?;
        self.published = told;
        Ok(())
    }

    fn tell(&mut self, uri: &str, version: Option<i32>, found: &[lsp::Diagnostic]) -> io::Result<()> {
        let mut params = json!({"uri": uri, "diagnostics": found});
        if let Some(version) = version {
            params["version"] = version.into();
        }
        self.send(&wire::notification("textDocument/publishDiagnostics", params))
    }

    fn answer_waiting(&mut self, number: u64, plan: Option<String>) -> io::Result<()> {
        let Some(waiting) = self.waiting.remove(&number) else { return Ok(()) };
        let text = match plan {
            Some(plan) => format!("{}\n\n{plan}", waiting.text),
            None => waiting.text,
        };
        let result = self.hover(text, waiting.range);
        self.send(&wire::result(&waiting.id, result))
    }

    fn hover(&self, text: String, range: Option<lsp::Range>) -> Value {
        let kind = if self.plain_hover { "plaintext" } else { "markdown" };
        json!({"contents": {"kind": kind, "value": text}, "range": range})
    }
}
