//! What each method of the protocol does.

use super::check::{Job, Loaded};
use super::complete::{candidates, word_help};
use super::cursor::Cursor;
use super::navigate::{View, symbols};
use super::place::{Main, escaped, is_rulefile, path_of};
use super::text::{Encoding, Text};
use super::{Doc, PATIENCE, PAUSE, Reply, Server, Stage, Waiting, fixes, hover, wire};
use lsp_types as lsp;
use rulemake::ErrorKind;
use rulemake::source::{FormatOptions, format_source};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

impl<W: Write> Server<W> {
    pub(super) fn request(&mut self, id: &Value, method: &str, params: Value) -> Reply {
        match (self.stage, method) {
            (Stage::Fresh, "initialize") => return Reply::Now(self.initialize(&params)),
            (Stage::Fresh, _) => return Reply::refused(wire::NOT_INITIALIZED, "`initialize` comes first"),
            (_, "initialize") => return Reply::refused(wire::INVALID_REQUEST, "the server is initialized"),
            (Stage::ShutDown, _) => return Reply::refused(wire::INVALID_REQUEST, "the server was shut down"),
            (Stage::Running, "shutdown") => {
                self.stage = Stage::ShutDown;
                return Reply::Now(Value::Null);
            }
            (Stage::Running, _) => {}
        }
        match method {
            "textDocument/definition" => {
                self.at(params, |_, view, offset| Reply::Now(json!(view.definition(offset))))
            }
            "textDocument/references" => match read::<lsp::ReferenceParams>(params) {
                Ok(params) => {
                    let with_definition = params.context.include_declaration;
                    self.view(&params.text_document_position, |_, view, offset| {
                        Reply::Now(json!(view.references(offset, with_definition)))
                    })
                }
                Err(refused) => refused,
            },
            "textDocument/hover" => self.hovered(id, params),
            "textDocument/completion" => self.at(params, |doc, view, offset| {
                let last = doc.last.as_ref().map(|last| last.outline());
                Reply::Now(json!(candidates(&view, offset, last)))
            }),
            "textDocument/prepareRename" => {
                self.at(params, |doc, view, offset| match view.renamable(offset) {
                    Ok((range, name)) => Reply::Now(json!({
                        "range": doc.text.range(&range, view.encoding), "placeholder": name,
                    })),
                    Err(why) => Reply::Refused(wire::REQUEST_FAILED, why),
                })
            }
            "textDocument/rename" => match read::<lsp::RenameParams>(params) {
                Ok(params) => self.view(&params.text_document_position, |_, view, offset| {
                    match view.rename(offset, params.new_name.trim()) {
                        Ok(edits) => Reply::Now(json!({"changes": edits})),
                        Err(why) => Reply::Refused(wire::REQUEST_FAILED, why),
                    }
                }),
                Err(refused) => refused,
            },
            "textDocument/codeAction" => match read::<lsp::CodeActionParams>(params) {
                Ok(params) => match self.docs.get(params.text_document.uri.as_str()) {
                    Some(doc) => {
                        let found = &params.context.diagnostics;
                        Reply::Now(fixes::actions(&doc.text, &doc.uri, self.encoding, found).into())
                    }
                    None => not_open(&params.text_document.uri),
                },
                Err(refused) => refused,
            },
            "textDocument/documentSymbol" => match read::<lsp::DocumentSymbolParams>(params) {
                Ok(params) => self.symbols(&params.text_document.uri),
                Err(refused) => refused,
            },
            "textDocument/formatting" => match read::<lsp::DocumentFormattingParams>(params) {
                Ok(params) => self.formatted(&params.text_document.uri),
                Err(refused) => refused,
            },
            _ => Reply::refused(wire::METHOD_NOT_FOUND, format!("there is no method `{method}`")),
        }
    }

    /// Looks only for what it needs: a client may offer what the types do not know yet.
    fn initialize(&mut self, params: &Value) -> Value {
        let offered = params.pointer("/capabilities/general/positionEncodings").and_then(Value::as_array);
        let offered: Vec<&str> = offered.into_iter().flatten().filter_map(Value::as_str).collect();
        let known = Encoding::ALL.iter().find(|(name, _)| offered.contains(name));
        self.encoding = known.map(|(_, encoding)| *encoding).unwrap_or_default();
        let formats =
            params.pointer("/capabilities/textDocument/hover/contentFormat").and_then(Value::as_array);
        self.plain_hover = formats.is_some_and(|formats| !formats.iter().any(|format| format == "markdown"));
        let nested = "/capabilities/textDocument/documentSymbol/hierarchicalDocumentSymbolSupport";
        self.flat_symbols = params.pointer(nested).and_then(Value::as_bool) != Some(true);
        self.stage = Stage::Running;
        json!({
            "capabilities": {
                "positionEncoding": self.encoding.name(),
                "textDocumentSync": {"openClose": true, "change": 2, "save": true},
                "definitionProvider": true,
                "referencesProvider": true,
                "hoverProvider": true,
                "completionProvider": {"triggerCharacters": [".", "{"]},
                "renameProvider": {"prepareProvider": true},
                "documentSymbolProvider": true,
                "documentFormattingProvider": true,
                "codeActionProvider": {"codeActionKinds": ["quickfix"]},
            },
            "serverInfo": {"name": "rulemake", "version": env!("CARGO_PKG_VERSION")},
        })
    }

    /// Answers about a place of a document, for parameters that are nothing but a place.
    fn at(&self, params: Value, answer: impl FnOnce(&Doc, View<'_>, usize) -> Reply) -> Reply {
        match read::<lsp::TextDocumentPositionParams>(params) {
            Ok(place) => self.view(&place, answer),
            Err(refused) => refused,
        }
    }

    fn view(
        &self,
        place: &lsp::TextDocumentPositionParams,
        answer: impl FnOnce(&Doc, View<'_>, usize) -> Reply,
    ) -> Reply {
        let Some(doc) = self.docs.get(place.text_document.uri.as_str()) else {
            return not_open(&place.text_document.uri);
        };
        let main = self.main_of(doc);
        let nothing = Loaded::default();
        let view = View {
            files: &self.files,
            encoding: self.encoding,
            path: doc.path.as_deref(),
            uri: &doc.uri,
            text: &doc.text,
            main: main.as_ref(),
            loaded: main.as_ref().and_then(|main| self.loads.get(main)).unwrap_or(&nothing),
        };
        answer(doc, view, doc.text.offset(place.position, self.encoding))
    }

    fn main_of(&self, doc: &Doc) -> Option<Main> {
        let path: &Path = doc.path.as_deref()?;
        self.main().or_else(|| Main::of(path, &|path| self.files.is_there(path)))
    }

    fn hovered(&mut self, id: &Value, params: Value) -> Reply {
        let mut wanted = None;
        let reply = self.at(params, |doc, view, offset| {
            let cursor = Cursor::new(&doc.text.content, offset);
            let own = view.mention(offset).filter(|mention| mention.module.is_none());
            let named = own.map(|mention| (mention.name.clone(), mention.range.clone()));
            // A path stands for the rule that makes it.
            let named = named.or_else(|| {
                let input = view.input(offset)?;
                Some((view.makers(&input.path).first()?.name.clone(), input.range))
            });
            if let Some((name, range)) = named
                && let Some(text) = hover::of_rule(&view, &name)
            {
                let range = view.text.range(&range, view.encoding);
                wanted = Some((text.clone(), range, name, view.main.cloned()));
                return Reply::Now(self.hover(text, Some(range)));
            }
            let range = cursor.word().map(|(range, _)| doc.text.range(&range, view.encoding));
            match word_help(&cursor) {
                Some(text) => Reply::Now(self.hover(text, range)),
                None => Reply::Now(Value::Null),
            }
        });
        let Some((text, range, rule, Some(main))) = wanted else { return reply };
        self.asked += 1;
        let (number, snapshot) = (self.asked, self.snapshot());
        let until = Instant::now() + PATIENCE;
        if self.jobs.send(Job::Plan { number, until, main, rule, snapshot }).is_err() {
            return reply;
        }
        self.waiting.insert(number, Waiting { id: id.clone(), text, range: Some(range), until });
        Reply::Later
    }

    fn symbols(&self, uri: &lsp::Uri) -> Reply {
        let Some(doc) = self.docs.get(uri.as_str()) else { return not_open(uri) };
        let all = symbols(&doc.text, self.encoding);
        if !self.flat_symbols {
            return Reply::Now(json!(all));
        }
        let flat = all.iter().map(|symbol| {
            json!({
                "name": symbol.name, "kind": symbol.kind,
                "location": {"uri": uri, "range": symbol.range},
            })
        });
        Reply::Now(flat.collect())
    }

    fn formatted(&self, uri: &lsp::Uri) -> Reply {
        let Some(doc) = self.docs.get(uri.as_str()) else { return not_open(uri) };
        if !doc.is_rulefile {
            return Reply::refused(wire::REQUEST_FAILED, "this is no Rulefile");
        }
        let options = FormatOptions::default().line_length(self.setup.line_length);
        match format_source(&doc.text.content, &options) {
            Ok(text) => Reply::Now(json!(edits(&doc.text, &text, self.encoding))),
            // Its mistakes are shown already.
            Err(error) if error.kind() == ErrorKind::Workflow => Reply::Now(Value::Null),
            Err(error) => Reply::refused(wire::REQUEST_FAILED, error.to_string()),
        }
    }

    pub(super) fn notified(&mut self, method: &str, params: Value) -> io::Result<()> {
        match method {
            "textDocument/didOpen" => {
                if let Ok(params) = read::<lsp::DidOpenTextDocumentParams>(params) {
                    let opened = params.text_document;
                    let path = path_of(&opened.uri);
                    let is_rulefile = is_rulefile(&opened.language_id, path.as_deref());
                    let text = Arc::new(Text::new(opened.text));
                    let doc =
                        Doc { path, version: opened.version, is_rulefile, text, last: None, uri: opened.uri };
                    self.put(doc);
                    self.check_soon(Duration::ZERO);
                }
            }
            "textDocument/didChange" => {
                if let Ok(params) = read::<lsp::DidChangeTextDocumentParams>(params) {
                    self.change(params);
                    self.check_soon(PAUSE);
                }
            }
            "textDocument/didClose" => {
                if let Ok(params) = read::<lsp::DidCloseTextDocumentParams>(params)
                    && let Some(doc) = self.docs.remove(params.text_document.uri.as_str())
                {
                    doc.path.iter().for_each(|path| drop(self.files.open.remove(path)));
                    self.check_soon(PAUSE);
                }
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.check_soon(Duration::ZERO),
            "$/cancelRequest" => {
                let id = params.get("id").cloned().unwrap_or_default();
                let found =
                    self.waiting.iter().find(|(_, waiting)| waiting.id == id).map(|(number, _)| *number);
                if let Some(waiting) = found.and_then(|number| self.waiting.remove(&number)) {
                    let answer = wire::error(&waiting.id, wire::REQUEST_CANCELLED, "cancelled");
                    return self.send(&answer);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn put(&mut self, doc: Doc) {
        if let Some(path) = &doc.path {
            self.files.open.insert(path.clone(), doc.text.clone());
        }
        self.docs.insert(doc.uri.as_str().to_string(), doc);
    }

    fn change(&mut self, params: lsp::DidChangeTextDocumentParams) {
        let Some(doc) = self.docs.remove(params.text_document.uri.as_str()) else { return };
        // Parsed by the check before this, if there was a pause: not here, between two letters.
        let last = if doc.text.is_complete() { Some(doc.text.clone()) } else { doc.last };
        let mut text = doc.text;
        for change in params.content_changes {
            text = Arc::new(Text::new(match change.range {
                Some(range) => text.edited(range, &change.text, self.encoding),
                None => change.text,
            }));
        }
        self.put(Doc { version: params.text_document.version, text, last, ..doc });
    }
}

fn read<T: DeserializeOwned>(mut params: Value) -> Result<T, Reply> {
    // Some clients write a path as it is.
    if let Some(Value::String(uri)) = params.pointer_mut("/textDocument/uri") {
        *uri = escaped(uri);
    }
    serde_json::from_value(params).map_err(|error| Reply::Refused(wire::INVALID_PARAMS, error.to_string()))
}

fn not_open(uri: &lsp::Uri) -> Reply {
    Reply::refused(wire::INVALID_PARAMS, format!("the document {} is not open", uri.as_str()))
}

/// What makes `text` of the document: one edit, of the lines that differ.
fn edits(old: &Text, text: &str, encoding: Encoding) -> Vec<lsp::TextEdit> {
    let before = &*old.content;
    if before == text {
        return Vec::new();
    }
    let same = |a: &str, b: &str| a == b;
    let head: usize = before
        .split_inclusive('\n')
        .zip(text.split_inclusive('\n'))
        .take_while(|(a, b)| same(a, b))
        .map(|(line, _)| line.len())
        .sum();
    let (rest, new) = (&before[head..], &text[head..]);
    let tail: usize = rest
        .split_inclusive('\n')
        .rev()
        .zip(new.split_inclusive('\n').rev())
        .take_while(|(a, b)| same(a, b))
        .map(|(line, _)| line.len())
        .sum();
    let range = old.range(&(head..before.len() - tail), encoding);
    vec![lsp::TextEdit::new(range, new[..new.len() - tail].to_string())]
}
