use flate2::bufread::GzDecoder;
use std::io::{self, Read};

/// What all members of a gzip file hold, one after the other: some programs write many. Zeros may follow, as on a tape.
pub(super) struct Members<'b> {
    member: Option<GzDecoder<&'b [u8]>>,
    is_first: bool,
}

impl<'b> Members<'b> {
    pub fn new(bytes: &'b [u8]) -> Members<'b> {
        Members { member: Some(GzDecoder::new(bytes)), is_first: true }
    }
}

impl Read for Members<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !buffer.is_empty()
            && let Some(member) = &mut self.member
        {
            let read = member.read(buffer).map_err(|error| named(error, self.is_first))?;
            if read > 0 {
                return Ok(read);
            }
            let rest = *member.get_ref();
            self.member = rest.iter().any(|byte| *byte != 0).then(|| GzDecoder::new(rest));
            self.is_first = false;
        }
        Ok(0)
    }
}

/// What is wrong; the error itself speaks of a header, which nobody who downloads files knows of.
fn named(error: io::Error, is_first: bool) -> io::Error {
    match (error.kind(), is_first) {
        (io::ErrorKind::UnexpectedEof, _) => io::Error::other("its compressed part is cut off"),
        (_, false) => {
            io::Error::other(format!("what follows a compressed part of it is none, or damaged: {error}"))
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::Members;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::{Read, Write};

    fn member(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<u8>, String> {
        let mut text = Vec::new();
        match Members::new(bytes).read_to_end(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn all_members_are_read() {
        let members = [member(b"one"), member(b""), member(b"two"), member(b"")].concat();
        assert_eq!(read(&members).unwrap(), b"onetwo");
        assert_eq!(read(&[members, vec![0; 700]].concat()).unwrap(), b"onetwo");
    }

    #[test]
    fn what_is_damaged_or_foreign_is_an_error() {
        let whole = member(b"some text");
        for cut in [1, 8, 12] {
            let error = read(&[member(b"x"), whole[..whole.len() - cut].to_vec()].concat()).unwrap_err();
            assert!(error.contains("cut off"), "{error}");
        }
        assert!(read(&[]).unwrap_err().contains("cut off"));
        for place in [whole.len() - 8, whole.len() - 4] {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            assert!(read(&damaged).unwrap_err().contains("checksum"), "{place}");
        }
        for garbage in [&b"garbage that is no gzip"[..], b"\0\0garbage that is no gzip"] {
            let error = read(&[&whole[..], garbage].concat()).unwrap_err();
            assert!(error.contains("is none, or damaged"), "{error}");
        }
    }
}
