//! `download`: downloads a hub model to the cache.

use qwen3_tts_pipeline::Hub;

use crate::args::{DownloadArgs, When};
use crate::failure::Result;
use crate::output::write_stdout;
use crate::progress::{self, DownloadBar};

pub fn run(args: &DownloadArgs) -> Result {
    let mut bar = DownloadBar::new(progress::is_wanted(When::Auto));
    let directory = Hub::from_env().resolve(&args.model, &mut |p| bar.update(p))?;
    drop(bar);
    write_stdout(format!("{}\n", directory.display()).as_bytes())
}
