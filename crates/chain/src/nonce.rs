//! The nonce window: a sender may have sixteen transactions in flight, in any order, each nonce once.

use borsh::{BorshDeserialize, BorshSerialize};

/// Nonces open at a time.
pub const WINDOW: u64 = 16;

/// Which nonces of an account are still unused: `base..base + 16`, less those whose bit is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct NonceWindow {
    /// The lowest unused nonce.
    pub base: u64,
    /// Bit i: `base + i` is used. Bit 0 is clear, but at the very last nonce of all.
    pub used: u16,
}

/// Why a nonce is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceRefusal {
    /// Used already.
    Used,
    /// At or above `base + 16`.
    TooHigh,
}

impl NonceWindow {
    /// Whether `nonce` may be used now.
    pub fn check(self, nonce: u64) -> Result<(), NonceRefusal> {
        let offset = nonce.checked_sub(self.base).ok_or(NonceRefusal::Used)?;
        if offset >= WINDOW {
            return Err(NonceRefusal::TooHigh);
        }
        if self.used >> offset & 1 == 1 { Err(NonceRefusal::Used) } else { Ok(()) }
    }

    /// Uses `nonce`, and slides the window past every low nonce that is used.
    pub fn take(&mut self, nonce: u64) -> Result<(), NonceRefusal> {
        self.check(nonce)?;
        self.used |= 1 << (nonce - self.base);
        while self.used & 1 == 1 {
            // the last nonce of all leaves its bit set: nothing follows it
            let Some(next) = self.base.checked_add(1) else { break };
            self.base = next;
            self.used >>= 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nonces_may_come_in_any_order_and_the_window_slides() {
        let mut w = NonceWindow::default();
        assert_eq!(w.take(16), Err(NonceRefusal::TooHigh));
        w.take(2).unwrap();
        w.take(1).unwrap();
        assert_eq!((w.base, w.used), (0, 0b110));
        assert_eq!(w.take(1), Err(NonceRefusal::Used));
        w.take(0).unwrap();
        assert_eq!((w.base, w.used), (3, 0));
        assert_eq!(w.check(2), Err(NonceRefusal::Used));
        w.take(18).unwrap();
        assert_eq!(w.take(19), Err(NonceRefusal::TooHigh));
    }

    #[test]
    fn the_last_nonce_is_used_once() {
        let mut w = NonceWindow { base: u64::MAX, used: 0 };
        w.take(u64::MAX).unwrap();
        assert_eq!(w.take(u64::MAX), Err(NonceRefusal::Used));
    }

    proptest! {
        #[test]
        fn no_nonce_is_accepted_twice(start in prop_oneof![0u64..100, u64::MAX - 40..=u64::MAX], picks in prop::collection::vec(0u64..20, 1..200)) {
            let mut w = NonceWindow { base: start, used: 0 };
            let mut seen = std::collections::BTreeSet::new();
            for p in picks {
                let Some(nonce) = w.base.checked_add(p) else { continue };
                let open = w.check(nonce).is_ok();
                prop_assert_eq!(open, !seen.contains(&nonce) && p < WINDOW);
                prop_assert_eq!(w.take(nonce).is_ok(), open);
                if open { seen.insert(nonce); }
            }
        }
    }
}
