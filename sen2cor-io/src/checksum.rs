//! Checksums of the manifest: MD5 up to baseline 03.00, SHA3-256 from 03.01 on (`checksumName` says which).

use md5::Digest as _;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// An algorithm that manifests name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// 128 bits; old manifests.
    Md5,
    /// 256 bits; manifests from baseline 03.01 on.
    Sha3_256,
}

impl Algorithm {
    /// The name in `checksumName`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha3_256 => "SHA3-256",
        }
    }

    /// The algorithm with this `checksumName`, however it is capitalised.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Md5, Self::Sha3_256].into_iter().find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// An empty computation.
    pub fn hasher(self) -> Hasher {
        match self {
            Self::Md5 => Hasher::Md5(md5::Md5::new()),
            Self::Sha3_256 => Hasher::Sha3(sha3::Sha3_256::new()),
        }
    }

    /// Digest of bytes in memory, hexadecimal in lower case.
    pub fn digest(self, bytes: &[u8]) -> String {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// A checksum in the making.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the variants are the algorithms")]
pub enum Hasher {
    Md5(md5::Md5),
    Sha3(sha3::Sha3_256),
}

impl Hasher {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(h) => h.update(bytes),
            Self::Sha3(h) => h.update(bytes),
        }
    }

    /// The digest, hexadecimal in lower case.
    pub fn finish(self) -> String {
        let bytes: Vec<u8> = match self {
            Self::Md5(h) => h.finalize().to_vec(),
            Self::Sha3(h) => h.finalize().to_vec(),
        };
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 1321, appendix A.5, and NIST's example values for SHA3-256.
    #[test]
    fn digests_equal_the_published_ones() {
        assert_eq!(Algorithm::Md5.digest(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(
            Algorithm::Sha3_256.digest(b"abc"),
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"
        );
        assert_eq!(Algorithm::from_name("sha3-256"), Some(Algorithm::Sha3_256));
        assert_eq!(Algorithm::from_name("CRC"), None);
    }
}
