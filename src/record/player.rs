//! Any moment of a recording: reads from the last key frame on, or from where it is.

use super::{Decoder, Result, Source};
use crate::model::World;

/// Reads frames in order, and knows which it read last.
#[derive(Debug, Default)]
pub struct Player {
    decoder: Decoder,
    read: Option<u64>,
}

impl Player {
    /// Goes to frame `to`, showing on its way each from `from` on.
    ///
    /// Going on from where it was costs only the frames in between; going back costs those
    /// from the key frame before.
    pub fn seek(
        &mut self,
        source: &Source,
        from: u64,
        to: u64,
        mut show: impl FnMut(&Decoder, u64),
    ) -> Result<()> {
        let to = to.clamp(
            source.first(),
            source.end().saturating_sub(1).max(source.first()),
        );
        let from = from.clamp(source.first(), to);
        let key = source.key_of(from);
        let mut next = match self.read.take() {
            Some(read) if read == to && from == to => {
                self.read = Some(read);
                show(&self.decoder, read);
                return Ok(());
            }
            Some(read) if (key..from.max(key + 1)).contains(&read) => read + 1,
            _ => key,
        };
        while next <= to {
            let frame = source.frame(next)?;
            self.decoder
                .apply(&frame)
                .map_err(|corrupt| source.damaged(next, corrupt))?;
            if next >= from {
                show(&self.decoder, next);
            }
            next += 1;
        }
        self.read = Some(to);
        Ok(())
    }

    /// The picture that it is at.
    pub fn world(&self) -> World {
        self.decoder.world(self.read.unwrap_or(0))
    }

    /// The number of the frame that it is at.
    pub fn number(&self) -> Option<u64> {
        self.read
    }
}
