//! `download`: downloads a hub model to the cache.

use qwen3_tts_pipeline::Hub;

use crate::args::{DownloadArgs, When};
use crate::failure::Result;
use crate::output::print_path;
use crate::progress::{self, DownloadBar};

pub fn run(args: &DownloadArgs) -> Result {
    let hub = Hub::from_env();
    let mut bar = DownloadBar::new(progress::is_wanted(When::Auto) && hub.show_progress);
    let mut update = |progress: &_| bar.update(progress);
    let directory = match args.force {
        true => hub.download_again(&args.model, &mut update)?,
        false => hub.download(&args.model, &mut update)?,
    };
    drop(bar);
    print_path(&directory)
}
