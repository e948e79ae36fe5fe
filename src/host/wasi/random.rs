//! Random bytes.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use crate::host::error::Denied;
use crate::host::host_options::{Random, WasiOptions};
use crate::host::policy::Class;

/// A source of random bytes.
#[derive(Debug)]
pub(in crate::host) enum Source {
    Seeded(Box<ChaCha20Rng>),
    Os,
    Denied,
    /// What another one gives, with every bit the other way.
    Complement(Box<Source>),
}

impl Source {
    /// The source that `options` want for a module with this digest.
    pub(in crate::host) fn of(options: &WasiOptions, module_digest: [u8; 32]) -> Self {
        let source = Self::new(options.random, module_digest);
        if options.complement_random { Self::Complement(Box::new(source)) } else { source }
    }

    fn new(policy: Random, module_digest: [u8; 32]) -> Self {
        // Hashed with a label of their own, so that the guest's bytes say nothing about a digest that is used elsewhere.
        let seeded = |label: &[u8], seed: &[u8]| {
            let seed = Sha256::new().chain_update(label).chain_update(seed).finalize();
            Self::Seeded(Box::new(ChaCha20Rng::from_seed(seed.into())))
        };
        match policy {
            Random::Module => seeded(b"preinit random: module", &module_digest),
            Random::Seed(seed) => seeded(b"preinit random: seed", &seed.to_le_bytes()),
            Random::Os => Self::Os,
            Random::Deny => Self::Denied,
        }
    }

    /// Fills `bytes`.
    pub(in crate::host) fn fill(&mut self, bytes: &mut [u8]) -> wasmtime::Result<()> {
        match self {
            Self::Seeded(generator) => {
                generator.fill_bytes(bytes);
                Ok(())
            }
            Self::Os => getrandom::fill(bytes)
                .map_err(|error| wasmtime::Error::msg(format!("no random bytes from the system: {error}"))),
            Self::Complement(source) => {
                source.fill(bytes)?;
                bytes.iter_mut().for_each(|byte| *byte = !*byte);
                Ok(())
            }
            Self::Denied => Err(Denied { class: Class::Random, what: "random bytes".into() }.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(policy: Random, digest: [u8; 32]) -> [u8; 8] {
        let mut bytes = [0; 8];
        Source::new(policy, digest).fill(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_complement_has_no_bit_in_common() {
        let options =
            WasiOptions { random: Random::Seed(1), complement_random: true, ..WasiOptions::default() };
        let mut bytes = [0; 8];
        Source::of(&options, [0; 32]).fill(&mut bytes).unwrap();
        assert_eq!(bytes.map(|byte| !byte), first(Random::Seed(1), [0; 32]));
    }

    /// Frozen "random" bytes are part of people's outputs: a change here changes those. The expected bytes were computed
    /// by another implementation of SHA-256 and ChaCha20.
    #[test]
    fn the_stream_is_fixed_for_all_time() {
        assert_eq!(first(Random::Seed(1), [0; 32]), first(Random::Seed(1), [1; 32]));
        assert_ne!(first(Random::Seed(1), [0; 32]), first(Random::Seed(2), [0; 32]));
        assert_ne!(first(Random::Module, [0; 32]), first(Random::Module, [1; 32]));
        assert_eq!(first(Random::Seed(1), [0; 32]), [105, 75, 170, 244, 17, 148, 138, 49]);
        assert_eq!(first(Random::Module, [0; 32]), [11, 181, 221, 122, 171, 24, 188, 53]);
    }
}
