//! Ways in which clients behave.

/// The way in which a client behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Reads the whole answer as it comes.
    Listen,
    /// Hangs up after a number of bytes.
    HangUp { after: usize },
    /// Reads the whole answer, with pauses.
    Slow,
    /// Sends a part of the request and then nothing.
    HalfOpen,
}

/// Shares of the behaviours in per cent; the others listen.
#[derive(Debug, Clone, Copy)]
pub struct Mix {
    pub cancel: u32,
    pub slow: u32,
    pub half_open: u32,
}

impl Mix {
    /// Returns the behaviour of a request, the same in every run.
    pub fn of(self, index: usize) -> Behaviour {
        let random = scramble(index as u64);
        let percent = (random % 100) as u32;
        let Self { cancel, slow, half_open } = self;
        match percent {
            _ if percent < cancel => Behaviour::HangUp { after: (random >> 32) as usize % 100_000 },
            _ if percent < cancel + slow => Behaviour::Slow,
            _ if percent < cancel + slow + half_open => Behaviour::HalfOpen,
            _ => Behaviour::Listen,
        }
    }
}

/// Returns a number that looks random: one step of SplitMix64.
pub fn scramble(index: u64) -> u64 {
    let z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_kept() {
        let mix = Mix { cancel: 10, slow: 3, half_open: 2 };
        let all: Vec<_> = (0..2000).map(|index| mix.of(index)).collect();
        let count = |test: fn(&Behaviour) -> bool| all.iter().copied().filter(test).count();
        assert!((150..250).contains(&count(|b| matches!(b, Behaviour::HangUp { .. }))));
        assert!((30..90).contains(&count(|b| *b == Behaviour::Slow)));
        assert!((20..60).contains(&count(|b| *b == Behaviour::HalfOpen)));
        let none = Mix { cancel: 0, slow: 0, half_open: 0 };
        assert!((0..2000).all(|index| none.of(index) == Behaviour::Listen));
    }
}
