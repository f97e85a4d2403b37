//! Requests to a server: with limits of time, tried again where that may help, and streamed.

use crate::base::checksum::Checksum;
use crate::base::clock;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::time::Duration;

/// Bytes that a server holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    pub(super) sha256: String,
    pub(super) size: u64,
    /// The size of the object, where the bytes are compressed.
    pub(super) plain_size: Option<u64>,
}

/// Why a server did not do what was asked.
#[derive(Debug)]
pub(super) struct Failure {
    text: String,
    kind: io::ErrorKind,
}

impl Failure {
    fn new(text: String) -> Failure {
        Failure { text, kind: io::ErrorKind::Other }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) struct Wire {
    agent: ureq::Agent,
    pub(super) authorization: Option<String>,
    /// What a server may take to answer, and beyond what its bytes take.
    answer: Duration,
}

/// A request is sent so often.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);
const CONNECT: Duration = Duration::from_secs(3);
/// A cache is to save time: a server that lets one wait longer is left alone.
const ANSWER: Duration = Duration::from_secs(5);
/// What an entry may take to come once it began to, in answers.
const WHOLE: u32 = 6;
/// A transfer that is slower than that is as good as none.
const BYTES_PER_SECOND: u64 = 64 << 10;
/// An entry is text of a few lines for each output, and a little content.
const MOST_SMALL: u64 = 32 << 20;
/// Objects up to this size are compressed in memory.
const MOST_COMPRESSED: u64 = 256 << 20;
/// Of smaller ones little is to be gained.
const LEAST_COMPRESSED: u64 = 1 << 10;

impl Wire {
    pub(super) fn new() -> Wire {
        Wire::with_patience(ANSWER)
    }

    pub(super) fn with_patience(answer: Duration) -> Wire {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT.min(answer)))
            .timeout_recv_response(Some(answer))
            .max_redirects(4)
            .max_idle_connections_per_host(16)
            .max_idle_connections(16)
            .proxy(None)
            .user_agent(concat!("rulemake/", env!("CARGO_PKG_VERSION")))
            .build();
        Wire { agent: config.into(), authorization: None, answer }
    }

    /// Whether there is something at an address; of another `size`, if the server says so, it is not all of it.
    pub(super) fn has(&self, url: &str, size: Option<u64>) -> io::Result<bool> {
        self.again(url, &mut || {
            let response = self.with(self.agent.head(url)).call().map_err(broken)?;
            match response.status().as_u16() {
                200..=299 => {
                    let told = response.headers().get("content-length");
                    let told = told.and_then(|told| told.to_str().ok()?.parse::<u64>().ok());
                    Ok(size.zip(told).is_none_or(|(size, told)| size == told))
                }
                404 | 410 => Ok(false),
                status => Err(refused("HEAD", status)),
            }
        })
    }

    /// The bytes at an address, where they are few.
    pub(super) fn get_small(&self, url: &str) -> io::Result<Option<Vec<u8>>> {
        self.again(url, &mut || {
            let request = self.with(self.agent.get(url));
            let response = request
                .config()
                .timeout_recv_body(Some(self.answer * WHOLE))
                .build()
                .call()
                .map_err(broken)?;
            match response.status().as_u16() {
                200 => {}
                404 | 410 => return Ok(None),
                status => return Err(refused("GET", status)),
            }
            let body = response.into_body().into_with_config().limit(u64::MAX).reader();
            let bytes = self.read_small(body).map_err(|error| transient(&error))?;
            Ok(Some(bytes))
        })
    }

    /// Reads all, as long as it comes as fast as a transfer has to. One that drips is as good as none, and whoever stops a run
    /// would wait for it.
    fn read_small(&self, mut body: impl Read) -> io::Result<Vec<u8>> {
        let start = clock::monotonic();
        let (mut bytes, mut buffer) = (Vec::new(), [0; 16 << 10]);
        loop {
            let n = body.read(&mut buffer)?;
            if n == 0 {
                return Ok(bytes);
            }
            bytes.extend_from_slice(buffer.get(..n).unwrap_or_default());
            if bytes.len() as u64 > MOST_SMALL {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "an entry of more than 32 MiB"));
            }
            if clock::monotonic().saturating_duration_since(start) > self.time_for(bytes.len() as u64) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    /// Writes the content of an object; `false` when it is not there. Not tried again once bytes have come: they were
    /// written.
    pub(super) fn get(&self, url: &str, blob: &Blob, to: &mut dyn Write) -> io::Result<bool> {
        let response = self.again(url, &mut || {
            let request = self.with(self.agent.get(url));
            let request = request.config().timeout_recv_body(Some(self.time_for(blob.size))).build();
            let response = request.call().map_err(broken)?;
            match response.status().as_u16() {
                200 => Ok(Some(response)),
                404 | 410 => Ok(None),
                status => Err(refused("GET", status)),
            }
        })?;
        let Some(response) = response else { return Ok(false) };
        let body = response.into_body().into_with_config().limit(u64::MAX).reader();
        // Never more than was promised: what is too long is another object, anyhow.
        let mut body = body.take(blob.size.saturating_add(1));
        let copied = match blob.plain_size {
            None => io::copy(&mut body, to),
            Some(size) => {
                Frame::new(body).and_then(|body| io::copy(&mut body.take(size.saturating_add(1)), to))
            }
        };
        match copied {
            Ok(_) => Ok(true),
            Err(error) => {
                let (failure, _) = transient(&error);
                Err(if failure.kind == io::ErrorKind::TimedOut { told(url, failure) } else { error })
            }
        }
    }

    /// Sends all of a body, from its beginning, in each try.
    pub(super) fn put(&self, url: &str, body: &mut dyn Again, size: u64) -> io::Result<()> {
        self.again(url, &mut || {
            body.rewind().map_err(|error| (Failure::new(error.to_string()), false))?;
            let request = self.with(self.agent.put(url)).header("content-length", size.to_string());
            let request = request.header("content-type", "application/octet-stream");
            // A server answers when it has put away what came.
            let time = Some(self.time_for(size));
            let request = request.config().timeout_send_body(time).timeout_recv_response(time).build();
            let response = request.send(ureq::SendBody::from_reader(&mut Body(body))).map_err(broken)?;
            match response.status().as_u16() {
                200..=299 => Ok(()),
                status => Err(refused("PUT", status)),
            }
        })
    }

    fn time_for(&self, size: u64) -> Duration {
        self.answer + Duration::from_secs(size / BYTES_PER_SECOND)
    }

    fn with<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        }
    }

    fn again<T>(&self, url: &str, call: &mut dyn FnMut() -> Result<T, (Failure, bool)>) -> io::Result<T> {
        let mut pause = PAUSE;
        for attempt in 1..=ATTEMPTS {
            match call() {
                Ok(answer) => return Ok(answer),
                Err((_, true)) if attempt < ATTEMPTS => std::thread::sleep(pause),
                Err((failure, _)) => return Err(told(url, failure)),
            }
            pause *= 4;
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// What was compressed, as it was before. An error of kind `InvalidData` is one of the content, and not of who sends it.
struct Frame<R: Read>(zstd::Decoder<'static, io::BufReader<Watched<R>>>);

impl<R: Read> Frame<R> {
    fn new(from: R) -> io::Result<Frame<R>> {
        zstd::Decoder::new(Watched { from, has_failed: false }).map(Frame)
    }
}

impl<R: Read> Read for Frame<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match self.0.get_ref().get_ref().has_failed {
            true => error,
            false => {
                io::Error::new(io::ErrorKind::InvalidData, format!("what came is no whole object: {error}"))
            }
        })
    }
}

struct Watched<R> {
    from: R,
    has_failed: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer);
        self.has_failed |= read.is_err();
        read
    }
}

/// What can be read once more.
pub(super) trait Again: Read + Seek {}

impl<T: Read + Seek> Again for T {}

/// What is sent.
struct Body<'a>(&'a mut dyn Again);

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// The failure, with the address that it is about, up to where keys begin.
fn told(url: &str, failure: Failure) -> io::Error {
    // Signed addresses let others in.
    let shown = url.split('?').next().unwrap_or_default();
    io::Error::new(failure.kind, format!("{failure} ({shown})"))
}

fn broken(error: ureq::Error) -> (Failure, bool) {
    let may_pass =
        matches!(error, ureq::Error::Io(_) | ureq::Error::ConnectionFailed | ureq::Error::HostNotFound);
    let kind = match &error {
        // Who waited once does not wait again.
        ureq::Error::Timeout(_) => io::ErrorKind::TimedOut,
        ureq::Error::ConnectionFailed | ureq::Error::HostNotFound => io::ErrorKind::HostUnreachable,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => error.kind(),
        _ => io::ErrorKind::Other,
    };
    (Failure { text: error.to_string(), kind }, may_pass)
}

fn transient(error: &io::Error) -> (Failure, bool) {
    let of_ureq = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    let is_slow = error.kind() == io::ErrorKind::TimedOut || matches!(of_ureq, Some(ureq::Error::Timeout(_)));
    if error.kind() == io::ErrorKind::InvalidData {
        return (Failure { text: error.to_string(), kind: error.kind() }, false);
    }
    let kind = if is_slow { io::ErrorKind::TimedOut } else { io::ErrorKind::Other };
    (Failure { text: error.to_string(), kind }, !is_slow)
}

fn refused(method: &str, status: u16) -> (Failure, bool) {
    let what = match status {
        401 => {
            " (it wants to know who asks: set RULEMAKE_CACHE_TOKEN, or name the host in ~/.netrc)".to_string()
        }
        403 => " (it does not allow that)".to_string(),
        413 => " (too large for it)".to_string(),
        507 => " (it is full)".to_string(),
        _ => String::new(),
    };
    (
        Failure::new(format!("{method} was answered with {status}{what}")),
        status >= 500 && status != 507 || status == 429,
    )
}

/// The SHA-256 of what is left, in hexadecimal digits.
pub(super) fn sha256_of(from: &mut dyn Read) -> io::Result<String> {
    Checksum::Sha256.of_reader(from)
}

/// The content of a file in fewer bytes, if that is worth it; the file is at its beginning afterwards.
pub(super) fn compressed(content: &mut File, size: u64) -> io::Result<Option<Vec<u8>>> {
    if !(LEAST_COMPRESSED..=MOST_COMPRESSED).contains(&size) {
        return Ok(None);
    }
    let bytes = zstd::encode_all(&mut *content, 3)?;
    content.rewind()?;
    Ok(Some(bytes).filter(|bytes| (bytes.len() as u64) < size / 10 * 9))
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::Cursor;
    use std::net::{TcpListener, TcpStream};
    use std::time::Instant;

    /// A damaged object is one, and a connection that breaks off is not, whatever each does to what is decompressed.
    #[test]
    fn damage_is_told_from_a_broken_connection() {
        struct Breaks;
        impl Read for Breaks {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let bytes = zstd::encode_all(&[7; 5000][..], 3).unwrap();
        let kind = |from: &mut dyn Read| {
            Frame::new(from)
                .and_then(|mut frame| frame.read_to_end(&mut Vec::new()))
                .map_err(|error| error.kind())
        };
        assert_eq!(kind(&mut &bytes[..]), Ok(5000));
        let half = &bytes[..bytes.len() / 2];
        assert_eq!(kind(&mut half.chain(Breaks)), Err(io::ErrorKind::ConnectionReset));
        assert_eq!(kind(&mut &half[..]), Err(io::ErrorKind::InvalidData));
        assert_eq!(kind(&mut &b"no frame at all"[..]), Err(io::ErrorKind::InvalidData));
    }

    /// A server that does this with each connection, and never closes one.
    fn server(say: fn(&mut TcpStream)) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://127.0.0.1:{}/cas/x", listener.local_addr().unwrap().port());
        let serve = move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().flatten() {
                say(&mut stream);
                open.push(stream);
            }
        };
        std::thread::Builder::new().spawn(serve).unwrap();
        url
    }

    /// A server that says nothing, one that stops in the middle of what it sends, and one that takes nothing: each is given
    /// up, and soon.
    #[test]
    fn a_server_that_hangs_is_not_waited_for() {
        let wire = Wire::with_patience(Duration::from_millis(200));
        let start = Instant::now();
        let silent = server(|_| {});
        assert!(wire.get_small(&silent).is_err());
        assert!(wire.has(&silent, None).is_err());
        assert!(wire.put(&silent, &mut Cursor::new(b"abc"), 3).is_err());
        let halfway = server(|stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
        });
        assert!(wire.get_small(&halfway).is_err());
        let blob = Blob { sha256: String::new(), size: 100, plain_size: None };
        // 100 bytes take no time worth counting.
        assert!(wire.get(&halfway, &blob, &mut Vec::new()).is_err());
        let large = vec![0; 64 << 20];
        assert!(
            wire.put(&silent, &mut Cursor::new(&large), 64 << 10).is_err(),
            "what nobody reads is not sent for ever"
        );
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    }
}
