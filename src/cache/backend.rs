//! What a place has to do in which results are shared.

use crate::base::digest::Digest;
use std::fs::File;
use std::io::{self, Write};

/// A place where results are shared: by several machines, or with a host program's own storage.
///
/// There are two kinds of things in it. *Objects* are bytes, known by the digest of these bytes. *Entries* are small and
/// tell of one execution which objects it made; they are known by the digest of all that the execution depended on. All
/// that comes out is checked, so a place need not be trusted with content, only with who may write into it.
///
/// Methods are called from several threads at once. An error is told to the user and counts as if nothing were there;
/// it never fails a job.
///
/// ```
/// use rulemake::Digest;
/// use rulemake::cache::CacheBackend;
/// use std::collections::HashMap;
/// use std::fs::File;
/// use std::io::{self, Read, Write};
/// use std::sync::Mutex;
///
/// #[derive(Default)]
/// struct InMemory {
///     entries: Mutex<HashMap<Digest, Vec<u8>>>,
///     objects: Mutex<HashMap<Digest, Vec<u8>>>,
/// }
///
/// impl CacheBackend for InMemory {
///     fn name(&self) -> String {
///         "memory".into()
///     }
///     fn entry(&self, key: &Digest) -> io::Result<Option<Vec<u8>>> {
///         Ok(self.entries.lock().unwrap().get(key).cloned())
///     }
///     fn put_entry(&self, key: &Digest, entry: &[u8], _objects: &[Digest]) -> io::Result<()> {
///         self.entries.lock().unwrap().insert(*key, entry.to_vec());
///         Ok(())
///     }
///     fn get(&self, object: &Digest, _size: Option<u64>, to: &mut dyn Write) -> io::Result<bool> {
///         match self.objects.lock().unwrap().get(object) {
///             Some(bytes) => to.write_all(bytes).map(|()| true),
///             None => Ok(false),
///         }
///     }
///     fn put(&self, object: &Digest, content: &mut File) -> io::Result<()> {
///         let mut bytes = Vec::new();
///         content.read_to_end(&mut bytes)?;
///         self.objects.lock().unwrap().insert(*object, bytes);
///         Ok(())
///     }
/// }
///
/// let place = InMemory::default();
/// assert!(!place.get(&Digest::of(b"text"), None, &mut Vec::new())?);
/// # Ok::<(), io::Error>(())
/// ```
pub trait CacheBackend: Send + Sync {
    /// How messages call it: a path or an address, without a password.
    fn name(&self) -> String;

    /// Whether its answers come from another machine, so that one may wait for them in vain. Then what is asked of it is asked
    /// on a thread of its own, which is left alone when the session is stopped.
    fn is_remote(&self) -> bool {
        false
    }

    /// The entry that was put under `key`; `None` when there is none.
    ///
    /// # Errors
    /// The place cannot be asked.
    fn entry(&self, key: &Digest) -> io::Result<Option<Vec<u8>>>;

    /// Puts an entry, over one that is there. All `objects` that it tells of were put before.
    ///
    /// # Errors
    /// The place does not take it.
    fn put_entry(&self, key: &Digest, entry: &[u8], objects: &[Digest]) -> io::Result<()>;

    /// Writes the bytes of an object; `false` when it is not there. An object is only asked for after an entry that tells
    /// of it. `size` is how many they are, where that is known.
    ///
    /// # Errors
    /// The place cannot be asked, or the bytes do not come to their end.
    fn get(&self, object: &Digest, size: Option<u64>, to: &mut dyn Write) -> io::Result<bool>;

    /// Puts an object, unless it is there. It must not be seen before it is whole.
    ///
    /// # Errors
    /// The place does not take it.
    fn put(&self, object: &Digest, content: &mut File) -> io::Result<()>;

    /// Puts an object of which is known that the place has not what it says it has: over one that is there, for that is
    /// damaged. Unless a place says otherwise, as [`CacheBackend::put`] does.
    ///
    /// # Errors
    /// The place does not take it.
    fn replace(&self, object: &Digest, content: &mut File) -> io::Result<()> {
        self.put(object, content)
    }

    /// As [`CacheBackend::put`], or as [`CacheBackend::replace`] if `over`. For a place to which a large object takes its time:
    /// soon after `stops` has begun to say so, this may return an error, with nothing of the object left behind. A remote place
    /// need not look, for it is not waited for then.
    ///
    /// # Errors
    /// The place does not take it, or what was under way broke off.
    fn put_unless(
        &self,
        object: &Digest,
        content: &mut File,
        over: bool,
        stops: &dyn Fn() -> bool,
    ) -> io::Result<()> {
        let _ = stops;
        if over { self.replace(object, content) } else { self.put(object, content) }
    }
}
