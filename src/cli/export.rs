//! Results as other tools have them: DVC's lock file and cache. `import` is the way there, this is the way back.

pub(crate) mod dvc;
pub(crate) mod ignore;
mod md5;
mod yaml;
