//! Errors of the evaluator: Python exceptions with a place. Knows no evaluation.

use crate::diag::{Problem, Span};
use crate::lang::value::{Dict, Exception, Value};
use std::any::Any;
use std::sync::Arc;

macro_rules! kinds {
    ($($name:ident $code:literal < $parent:ident),* $(,)?) => {
        /// The kind of an exception: Python's, Snakemake's and a few of our own.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub(crate) enum Exc {
            $($name),*
        }

        impl Exc {
            /// All kinds that code can name.
            pub(crate) const ALL: &'static [Exc] = &[$(Exc::$name),*];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Exc::$name => stringify!($name)),*
                }
            }

            /// Code of the diagnostic.
            pub(crate) fn code(self) -> &'static str {
                match self {
                    $(Exc::$name => $code),*
                }
            }

            fn parent(self) -> Exc {
                match self {
                    $(Exc::$name => Exc::$parent),*
                }
            }
        }
    };
}

kinds! {
    BaseException "exception" < BaseException,
    SystemExit "system-exit" < BaseException,
    KeyboardInterrupt "keyboard-interrupt" < BaseException,
    // Ours: stop everything and are never caught.
    BudgetExceeded "budget-exceeded" < BaseException,
    Cancelled "cancelled" < BaseException,
    IncompleteCheckpoint "incomplete-checkpoint" < BaseException,
    Exception "exception" < BaseException,
    ArithmeticError "arithmetic-error" < Exception,
    ZeroDivisionError "zero-division-error" < ArithmeticError,
    OverflowError "overflow-error" < ArithmeticError,
    AssertionError "assertion-error" < Exception,
    AttributeError "attribute-error" < Exception,
    EOFError "eof-error" < Exception,
    ImportError "import-error" < Exception,
    ModuleNotFoundError "module-not-found-error" < ImportError,
    LookupError "lookup-error" < Exception,
    IndexError "index-error" < LookupError,
    KeyError "key-error" < LookupError,
    MemoryError "memory-error" < Exception,
    NameError "name-error" < Exception,
    UnboundLocalError "unbound-local-error" < NameError,
    OSError "os-error" < Exception,
    FileExistsError "file-exists-error" < OSError,
    FileNotFoundError "file-not-found-error" < OSError,
    IsADirectoryError "is-a-directory-error" < OSError,
    NotADirectoryError "not-a-directory-error" < OSError,
    PermissionError "permission-error" < OSError,
    TimeoutError "timeout-error" < OSError,
    RuntimeError "runtime-error" < Exception,
    NotImplementedError "not-implemented-error" < RuntimeError,
    RecursionError "recursion-error" < RuntimeError,
    StopIteration "stop-iteration" < Exception,
    SyntaxError "syntax-error" < Exception,
    TypeError "type-error" < Exception,
    ValueError "value-error" < Exception,
    UnicodeError "unicode-error" < ValueError,
    UnicodeDecodeError "unicode-decode-error" < UnicodeError,
    UnicodeEncodeError "unicode-encode-error" < UnicodeError,
    JSONDecodeError "json-decode-error" < ValueError,
    RegexError "regex-error" < Exception,
    YAMLError "yaml-error" < Exception,
    CsvError "csv-error" < Exception,
    CalledProcessError "command-failed" < Exception,
    StatisticsError "statistics-error" < ValueError,
    Warning "warning" < Exception,
    UserWarning "user-warning" < Warning,
    DeprecationWarning "deprecation-warning" < Warning,
    // Snakemake's.
    WorkflowError "workflow-error" < Exception,
    WildcardError "wildcard-error" < WorkflowError,
    // Ours: a change of something that is frozen, and what Rulefiles cannot do.
    FrozenError "frozen-error" < TypeError,
    UnsupportedError "unsupported" < Exception,
}

impl Exc {
    /// Whether `except other:` catches it.
    pub(crate) fn is_a(self, other: Exc) -> bool {
        let mut kind = self;
        loop {
            if kind == other {
                return true;
            }
            if kind == Exc::BaseException {
                return false;
            }
            kind = kind.parent();
        }
    }

    /// Whether no handler may catch it.
    pub(crate) fn is_fatal(self) -> bool {
        matches!(self, Exc::BudgetExceeded | Exc::Cancelled | Exc::IncompleteCheckpoint)
    }
}

/// A raised exception on its way out.
#[derive(Clone)]
pub(crate) struct Raise(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Exc,
    args: Vec<Value>,
    span: Option<Span>,
    /// Calls that it left, innermost first: name of the function and place of the call.
    frames: Vec<(Arc<str>, Option<Span>)>,
    hint: Option<Hint>,
    /// Whether its only argument is a sentence, also where one expects a key.
    in_words: bool,
    payload: Option<Arc<dyn Any + Send + Sync>>,
}

/// The way out; made into words only when the error is shown, since code may catch it.
#[derive(Clone)]
enum Hint {
    Text(String),
    /// A key that is not in this dict, and the name of the dict where it has one.
    Missing(Arc<Dict>, Arc<str>, Option<Arc<str>>),
    /// Found out by a search that costs.
    Later(Arc<dyn Fn() -> String + Send + Sync>),
}

impl Raise {
    pub(crate) fn with_args(kind: Exc, args: Vec<Value>) -> Raise {
        Raise(Box::new(Inner {
            kind,
            args,
            span: None,
            frames: Vec::new(),
            hint: None,
            in_words: false,
            payload: None,
        }))
    }

    pub(crate) fn new(kind: Exc, message: impl Into<String>) -> Raise {
        let mut raise = Raise::with_args(kind, vec![Value::from(message.into())]);
        raise.0.in_words = true;
        raise
    }

    pub(crate) fn type_error(message: impl Into<String>) -> Raise {
        Raise::new(Exc::TypeError, message)
    }

    pub(crate) fn value_error(message: impl Into<String>) -> Raise {
        Raise::new(Exc::ValueError, message)
    }

    /// The same of another kind.
    pub(crate) fn of_kind(mut self, kind: Exc) -> Raise {
        self.0.kind = kind;
        self
    }

    pub(crate) fn key_error(key: &Value) -> Raise {
        Raise::with_args(Exc::KeyError, vec![key.clone()])
    }

    /// A key that is not in `dict`.
    pub(crate) fn missing_key(dict: &Arc<Dict>, key: &Value) -> Raise {
        let mut raise = Raise::key_error(key);
        if let Value::Str(text) = key {
            raise.0.hint = Some(Hint::Missing(dict.clone(), text.clone(), None));
        }
        raise
    }

    /// Says by which name the dict is known that lacks a key.
    pub(crate) fn in_dict(mut self, dict: &Dict, called: &Arc<str>) -> Raise {
        if let Some(Hint::Missing(lacking, _, name)) = &mut self.0.hint
            && std::ptr::eq(&**lacking, dict)
        {
            name.get_or_insert_with(|| called.clone());
        }
        self
    }

    pub(crate) fn frozen() -> Raise {
        Raise::new(Exc::FrozenError, "this value was made while the Rulefile loaded and cannot change any more")
            .help("functions of rules run later and in parallel: copy it (`list(x)`, `dict(x)`) and change the copy")
    }

    pub(crate) fn unsupported(message: impl Into<String>, help: impl Into<String>) -> Raise {
        Raise::new(Exc::UnsupportedError, message).help(help)
    }

    /// Sets the place, unless it has one: the innermost wins.
    pub(crate) fn at(mut self, span: Span) -> Raise {
        self.0.span.get_or_insert(span);
        self
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Raise {
        self.0.hint = Some(Hint::Text(text.into()));
        self
    }

    /// Advice that costs a search: found only when the error is shown.
    pub(crate) fn help_later(mut self, find: impl Fn() -> String + Send + Sync + 'static) -> Raise {
        self.0.hint = Some(Hint::Later(Arc::new(find)));
        self
    }

    /// Adds to what is already advised.
    pub(crate) fn also_help(mut self, text: String) -> Raise {
        let text = match self.0.hint.take() {
            Some(Hint::Text(first)) => format!("{first}\n{text}"),
            Some(Hint::Later(find)) => format!("{}\n{text}", find()),
            _ => text,
        };
        self.help(text)
    }

    pub(crate) fn did_you_mean<'a>(mut self, wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Raise {
        if let Some(text) = closest(wrong, known) {
            self.0.hint = Some(Hint::Text(format!("did you mean `{text}`?")));
        }
        self
    }

    /// The same mistake in other words, with the place and the advice.
    pub(crate) fn with_message(mut self, kind: Exc, message: String) -> Raise {
        self.0.kind = kind;
        self.0.args = vec![Value::from(message)];
        self
    }

    pub(crate) fn with_payload(mut self, payload: Arc<dyn Any + Send + Sync>) -> Raise {
        self.0.payload = Some(payload);
        self
    }

    pub(crate) fn payload(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.0.payload.as_ref()
    }

    /// Notes that it left a call of `function`.
    pub(crate) fn leave(&mut self, function: &Arc<str>, call: Option<Span>) {
        if self.0.frames.len() < MAX_FRAMES {
            self.0.frames.push((function.clone(), call));
        }
    }

    pub(crate) fn kind(&self) -> Exc {
        self.0.kind
    }

    /// The exception as a value, for `except ... as e`.
    pub(crate) fn to_value(&self) -> Value {
        Value::Exception(Arc::new(Exception { kind: self.0.kind, args: self.0.args.clone() }))
    }

    /// `str(exception)`
    pub(crate) fn message(&self) -> String {
        exception_text(self.0.kind, &self.0.args)
    }

    pub(crate) fn to_problem(&self) -> Problem {
        // A mistake in the text of an imported file: it has its own place and words.
        if let Some(problem) = self.0.payload.as_ref().and_then(|payload| payload.downcast_ref::<Problem>()) {
            let calls = self.0.frames.iter().filter_map(|(name, span)| Some((name, (*span)?)));
            return calls
                .fold(problem.clone(), |p, (name, span)| p.at(span, format!("called `{name}` here")));
        }
        let text = self.message();
        let message = match self.0.kind {
            Exc::KeyError
                if self.0.in_words
                    && let [Value::Str(words)] = &self.0.args[..] =>
            {
                words.to_string()
            }
            Exc::KeyError => match &self.0.hint {
                Some(Hint::Missing(_, key, Some(name))) => format!("`{name}` has no key `{key}`"),
                Some(Hint::Missing(_, key, None)) => format!("there is no key `{key}`"),
                _ => format!("there is no key {text}"),
            },
            Exc::AssertionError if text.is_empty() => "assertion failed".to_string(),
            kind if text.is_empty() => kind.name().to_string(),
            _ => text,
        };
        let mut problem = Problem::error(self.0.kind.code(), message);
        if let Some(span) = self.0.span {
            problem = problem.at(span, "");
        }
        for same in self.0.frames.chunk_by(|a, b| a.1 == b.1) {
            let (name, Some(span)) = &same[0] else { continue };
            if Some(*span) != self.0.span {
                let again = if same.len() > 1 { ", again and again" } else { "" };
                problem = problem.at(*span, format!("called `{name}` here{again}"));
            }
        }
        match &self.0.hint {
            Some(Hint::Text(text)) => problem.help(text.clone()),
            Some(Hint::Later(find)) => problem.help(find()),
            Some(Hint::Missing(dict, key, name)) => {
                match closest_key(dict, key, name.as_deref() == Some("config")) {
                    Some(text) => problem.help(text),
                    None => problem,
                }
            }
            None => problem,
        }
    }
}

/// Frames kept of a deep recursion.
const MAX_FRAMES: usize = 16;

fn closest_key(dict: &Dict, key: &str, config: bool) -> Option<String> {
    let known: Vec<Arc<str>> = dict.0.read(|map| {
        let texts = map.keys().filter_map(|k| match k.get() {
            Value::Str(text) => Some(text.clone()),
            _ => None,
        });
        texts.take(MAX_CANDIDATES).collect()
    });
    match closest(key, known.iter().map(|k| &**k)) {
        Some(text) => Some(format!("did you mean `{text}`?")),
        None if known.is_empty() && config => {
            Some(format!("read a file with `configfile:`, or give the value with `--config {key}=...`"))
        }
        None if known.is_empty() => Some("it is empty".to_string()),
        None if known.len() <= 12 => Some(format!("known keys: {}", known.join(", "))),
        None => None,
    }
}

const MAX_CANDIDATES: usize = 10_000;

/// The known name that is most like the wrong one, if any is like it.
pub(crate) fn closest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().take(MAX_CANDIDATES).map(|name| (strsim::jaro_winkler(wrong, name), name));
    let limit = wrong.chars().count().div_ceil(3);
    let near = |name: &str| strsim::osa_distance(wrong, name) <= limit;
    scored
        .filter(|(score, name)| *score > 0.8 && near(name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// `str(exception)`, as CPython writes it.
pub(crate) fn exception_text(kind: Exc, args: &[Value]) -> String {
    match args {
        [] => String::new(),
        [one] if kind == Exc::KeyError => one.repr().to_string(),
        [one] => one.display().to_string(),
        [number, text] if kind.is_a(Exc::OSError) => {
            format!("[Errno {}] {}", number.display(), text.display())
        }
        many => Value::tuple(many.to_vec()).repr().to_string(),
    }
}

impl std::fmt::Debug for Raise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0.kind.name(), self.message())
    }
}
