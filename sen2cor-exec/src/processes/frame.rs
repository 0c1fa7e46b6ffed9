//! Frames on a pipe: a length of four bytes, little-endian, and one MessagePack value with named fields.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read};

/// Longest frame that is sent or believed. Pixels do not travel, so messages are small.
pub(crate) const MAX_FRAME: usize = 16 << 20;

/// Replaces the contents of `buffer` by the frame of a message.
///
/// # Errors
/// If the message cannot be serialised or is too long.
pub(crate) fn encode<M: Serialize>(message: &M, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    buffer.extend_from_slice(&[0; 4]);
    rmp_serde::encode::write_named(buffer, message).map_err(io::Error::other)?;
    let length = buffer.len() - 4;
    if length > MAX_FRAME {
        return Err(too_long(length));
    }
    let header = u32::try_from(length).map_err(io::Error::other)?.to_le_bytes();
    for (byte, value) in buffer.iter_mut().zip(header) {
        *byte = value;
    }
    Ok(())
}

/// Reads the next message; `None` at the end of the stream. `buffer` is scratch.
///
/// # Errors
/// If the stream ends inside a frame, a frame is too long, or it holds something else.
pub(crate) fn read<M: DeserializeOwned>(from: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<Option<M>> {
    let mut header = [0; 4];
    let first = loop {
        match from.read(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    if first == 0 {
        return Ok(None);
    }
    let (_, rest) = header.split_at_mut(first);
    from.read_exact(rest)?;
    let length = u32::from_le_bytes(header) as usize;
    if length > MAX_FRAME {
        return Err(too_long(length));
    }
    buffer.resize(length, 0);
    from.read_exact(buffer)?;
    rmp_serde::from_slice(buffer)
        .map(Some)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("not a message: {e}")))
}

fn too_long(length: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a message of {length} bytes, at most {MAX_FRAME} are allowed"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;
    use proptest::prelude::*;

    /// Gives one byte at a time, as a slow pipe might.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = into.len().min(1);
            self.0.read(&mut into[..length])
        }
    }

    proptest! {
        #[test]
        fn messages_come_back_however_the_bytes_arrive(texts in prop::collection::vec(".{0,40}", 0..6)) {
            let (mut stream, mut buffer) = (Vec::new(), Vec::new());
            for text in &texts {
                encode(text, &mut buffer).unwrap();
                stream.extend_from_slice(&buffer);
            }
            let mut slow = Slow(&stream);
            for text in &texts {
                let back = read::<String>(&mut slow, &mut buffer).unwrap();
                prop_assert_eq!(back.as_ref(), Some(text));
            }
            prop_assert!(read::<String>(&mut slow, &mut buffer).unwrap().is_none());
        }

        #[test]
        fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut buffer = Vec::new();
            let _ = read::<super::super::wire::ToWorker>(&mut bytes.as_slice(), &mut buffer);
            let _ = read::<super::super::wire::FromWorker>(&mut bytes.as_slice(), &mut buffer);
        }
    }

    #[test]
    fn a_length_that_is_no_length_is_refused_before_memory_is_taken() {
        let mut buffer = Vec::new();
        let error = read::<String>(&mut &b"\xff\xff\xff\xff"[..], &mut buffer).unwrap_err();
        assert!(error.to_string().contains("4294967295 bytes"), "{error}");
        assert_eq!(buffer.capacity(), 0);
        let long = vec![0u8; MAX_FRAME + 1];
        assert!(encode(&serde_bytes::Bytes::new(&long), &mut buffer).is_err());
    }

    #[test]
    fn an_end_inside_a_frame_is_an_error() {
        let mut buffer = Vec::new();
        encode(&"text", &mut buffer).unwrap();
        for end in 1..buffer.len() {
            let cut = buffer[..end].to_vec();
            assert!(read::<String>(&mut cut.as_slice(), &mut Vec::new()).is_err(), "{end}");
        }
    }
}
