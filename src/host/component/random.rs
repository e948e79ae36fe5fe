//! The three interfaces of `wasi:random`: all have the same source.

use super::ComponentHost;
use crate::host::error::LedgerLimit;
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

/// Bytes that may be asked for at once, as wasmtime-wasi has it.
const MOST: u64 = 64 << 20;

pub(super) fn add_to_linker(linker: &mut Linker<ComponentHost>) -> wasmtime::Result<()> {
    random::add_to_linker::<_, HasSelf<ComponentHost>>(linker, |host| host)?;
    insecure::add_to_linker::<_, HasSelf<ComponentHost>>(linker, |host| host)?;
    insecure_seed::add_to_linker::<_, HasSelf<ComponentHost>>(linker, |host| host)
}

impl ComponentHost {
    fn random(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > MOST {
            return Err(LedgerLimit { limit: MOST }.into());
        }
        let mut bytes = vec![0; len as usize];
        self.random.fill(&mut bytes)?;
        self.random_bytes = self.random_bytes.saturating_add(len);
        Ok(bytes)
    }

    fn random_u64(&mut self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes)?;
        self.random_bytes = self.random_bytes.saturating_add(8);
        Ok(u64::from_le_bytes(bytes))
    }
}

impl random::Host for ComponentHost {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64()
    }
}

impl insecure::Host for ComponentHost {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.random(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_u64()
    }
}

impl insecure_seed::Host for ComponentHost {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.random_u64()?, self.random_u64()?))
    }
}
