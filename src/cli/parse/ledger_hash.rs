//! How bytes appear in a ledger.

use preinit::host::LedgerHash;

/// A kind of hash as typed.
pub fn parse(text: &str) -> Result<LedgerHash, String> {
    match text {
        "salted" => Ok(LedgerHash::Salted),
        "plain" => Ok(LedgerHash::Plain),
        _ => Err("expected `salted` or `plain`".to_owned()),
    }
}
