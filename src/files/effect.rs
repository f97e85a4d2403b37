//! What changes the places of outputs, of their copies and of what is moved out of the way: calls of the standard library,
//! each with a point at which a test lets it fail. A call that fails has done nothing; a process that dies at one has done
//! all before it and nothing after.

use crate::disk::{self as fs, File, Permissions};
use std::io;
use std::path::Path;

pub(super) fn create_dir(path: &Path) -> io::Result<()> {
    point()?;
    fs::create_dir(path)
}

pub(super) fn create_dir_all(path: &Path) -> io::Result<()> {
    point()?;
    fs::create_dir_all(path)
}

/// Makes an empty file.
pub(super) fn create_file(path: &Path) -> io::Result<()> {
    point()?;
    File::create(path).map(drop)
}

pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    point()?;
    fs::copy(from, to).map(drop)
}

pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    point()?;
    fs::rename(from, to)
}

pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    point()?;
    fs::remove_file(path)
}

pub(super) fn remove_dir_all(path: &Path) -> io::Result<()> {
    point()?;
    fs::remove_dir_all(path)
}

pub(super) fn set_permissions(path: &Path, permissions: Permissions) -> io::Result<()> {
    point()?;
    fs::set_permissions(path, permissions)
}

pub(super) fn sync(path: &Path) -> io::Result<()> {
    point()?;
    File::open(path)?.sync_all()
}

#[cfg(not(test))]
fn point() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) use faults::*;

#[cfg(test)]
mod faults {
    use std::cell::Cell;
    use std::io;

    /// What becomes of the effects of a thread from one on.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Fault {
        /// That one fails.
        Once,
        /// It and all after it fail: to what is on the disk that is the death of the process.
        Dead,
    }

    thread_local! {
        static PLAN: Cell<Option<(Fault, usize)>> = const { Cell::new(None) };
    }

    pub(super) fn point() -> io::Result<()> {
        match PLAN.get() {
            None => Ok(()),
            Some((fault, 0)) => {
                if fault == Fault::Once {
                    PLAN.set(None);
                }
                Err(io::Error::other("injected"))
            }
            Some((fault, n)) => {
                PLAN.set(Some((fault, n - 1)));
                Ok(())
            }
        }
    }

    /// Does `work` once for each effect of it that can fail, until none does. `work` gets the kind of the fault, and
    /// a function that does what it is given under the fault.
    pub(crate) fn each_fault(mut work: impl FnMut(Fault, &dyn Fn(&mut dyn FnMut()))) {
        for fault in [Fault::Once, Fault::Dead] {
            let (mut reached, mut met) = (true, 0);
            for n in 0..200 {
                let hit = Cell::new(false);
                work(fault, &|under: &mut dyn FnMut()| {
                    PLAN.set(Some((fault, n)));
                    under();
                    // Dead stays at 0, Once is taken away; a plan that counts on was not met.
                    hit.set(
                        hit.get() || PLAN.take().is_none_or(|(_, left)| left == 0 && fault == Fault::Dead),
                    );
                });
                reached = hit.get();
                if !reached {
                    break;
                }
                met += 1;
            }
            assert!(!reached && met > 1, "{met} effects were met");
        }
    }
}
