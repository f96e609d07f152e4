//! Shares of a batch, for several machines.

use std::str::FromStr;

/// A share of the lines of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Number of the share, from 1.
    pub index: usize,
    /// Number of shares.
    pub count: usize,
}

impl Shard {
    /// Returns true if the line with this number, from 1, belongs to the share.
    pub fn has(self, line: usize) -> bool {
        line.saturating_sub(1) % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (index, count) = text.split_once('/')?;
            let (index, count) = (index.parse().ok()?, count.parse().ok()?);
            (1..=count).contains(&index).then_some(Self { index, count })
        };
        parse().ok_or_else(|| "expected I/N with I from 1 to N, such as 2/4".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_belongs_to_one_share() {
        let shards: Vec<Shard> =
            ["1/3", "2/3", "3/3"].iter().map(|text| text.parse().unwrap()).collect();
        for line in 1..20 {
            assert_eq!(shards.iter().filter(|shard| shard.has(line)).count(), 1, "{line}");
        }
        assert!(shards[0].has(1) && shards[0].has(4) && shards[2].has(3));
        for text in ["", "1", "0/3", "4/3", "1/0", "1/3/3", "a/b", "-1/3"] {
            text.parse::<Shard>().unwrap_err();
        }
    }
}
