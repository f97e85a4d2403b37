//! A build step inside a small web server: a page is made anew when it is asked for and its source has changed.
//!
//! `cargo run --example web_server` serves a directory of its own on a free port; `/quit` ends it.

use rulemake::{BoxError, JobContext, Rule, RunOptions, Session, Workflow};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

/// A page of a text: its first line is the title, empty lines end paragraphs.
fn page(job: &JobContext) -> Result<(), BoxError> {
    let text = job.read_to_string(job.input(0)?)?;
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let (title, body) = escaped.split_once('\n').unwrap_or((&escaped, ""));
    let body = body.trim().replace("\n\n", "</p>\n<p>");
    Ok(job.write(job.output(0)?, format!("<title>{title}</title>\n<h1>{title}</h1>\n<p>{body}</p>\n"))?)
}

fn workflow() -> rulemake::Result<Workflow> {
    let pages = Rule::builder("page").input("text/{name}.txt").output("site/{name}.html");
    Workflow::builder().rule(pages.constraint("name", "[a-z]+").action("1", page)).build()
}

/// Status and content for a path. A mistake in a text or a file that is not there is an answer, not the end.
fn answer(session: &mut Session, path: &str) -> (&'static str, String) {
    let target = format!("site{path}.html");
    match session.run(&[&target], &RunOptions::default()) {
        Ok(report) if report.success() => {
            println!("{path}: {} made", report.summary.ran);
            match fs::read_to_string(session.root().join(&target)) {
                Ok(page) => ("200 OK", page),
                Err(error) => ("500 Internal Server Error", error.to_string()),
            }
        }
        Ok(report) => ("500 Internal Server Error", report.failures[0].outcome.clone()),
        Err(error) => ("404 Not Found", error.to_string()),
    }
}

fn serve(session: &mut Session, mut stream: TcpStream) -> std::io::Result<bool> {
    let mut line = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut line)?;
    let path = line.split_whitespace().nth(1).unwrap_or("/").to_string();
    let (status, body) = match path.as_str() {
        "/quit" => ("200 OK", "bye\n".to_string()),
        path => answer(session, path),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())?;
    Ok(path != "/quit")
}

fn main() -> Result<(), BoxError> {
    let argument = std::env::args().nth(1);
    let own = std::env::temp_dir().join(format!("rulemake-web-server-{}", std::process::id()));
    let root = argument.as_deref().map_or(own.as_path(), Path::new);
    fs::create_dir_all(root.join("text"))?;
    fs::write(root.join("text/hello.txt"), "Hello\nThis page is made when you ask for it.\n")?;
    let mut session = Session::builder(workflow()?).root(root).open()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}/hello", listener.local_addr()?);
    for stream in listener.incoming() {
        if !serve(&mut session, stream?)? {
            break;
        }
    }
    Ok(fs::remove_dir_all(root)?)
}
