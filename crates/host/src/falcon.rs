//! Classic Falcon-512 (round 3 of the NIST process): keys, signatures, the accounts' addresses.
//!
//! A signature has **one** accepted form, the compact one: `0x39 | nonce 40 | compressed s2`, at most 666 bytes, no zero padding
//! (the last byte is not 0). Whoever has one form of a signature can make the others, so accepting two would make everything that
//! covers a signature malleable. The published client (`pyde-crypto` over `falcon-rs` 0.2) emits the constant-time form instead,
//! `0x59 | nonce 40 | 512 times 12 bits`, 809 bytes: [`compact`] turns it into the accepted one, at the edge.
//!
//! Accounts and `falcon_verify` sign under a context: what is hashed after the nonce is `00 | length of context | context | message`
//! (the framing of FIPS 206 drafts without the key hash, as that client does it). [`verify`] and [`SecretKey::sign`] add it;
//! the `_raw` functions do not.
//!
//! Keys: 897 bytes public and 1281 secret, in the encodings of round 3. From a seed the secret key is drawn by this library's
//! generator, which is not the client's: one seed gives two different keys.

use crate::poseidon2;
use crate::world::Address;
use fn_dsa_comm::codec;
use fn_dsa_comm::shake::SHAKE256;
use fn_dsa_kgen::{CryptoRng, FN_DSA_LOGN_512, KeyPairGenerator, KeyPairGenerator512, RngCore, RngError};
use fn_dsa_sign::{SigningKey, SigningKey512};
use fn_dsa_vrfy::{DOMAIN_NONE, HASH_ID_ORIGINAL_FALCON, VerifyingKey, VerifyingKey512};
use std::borrow::Cow;
use zeroize::Zeroizing;

/// Length of a public key.
pub const PUBLIC_KEY_BYTES: usize = 897;
/// Length of a secret key.
pub const SECRET_KEY_BYTES: usize = 1281;
/// Longest signature in the compact form.
pub const SIGNATURE_BYTES: usize = 666;
/// Length of a signature in the constant-time form.
pub const CONSTANT_TIME_BYTES: usize = 809;
/// The context of account signatures and of `falcon_verify`.
pub const CONTEXT: &[u8; 14] = b"pyde-falcon-v1";

const COMPACT_HEADER: u8 = 0x39;
const CONSTANT_TIME_HEADER: u8 = 0x59;
/// Header and nonce.
const PREFIX: usize = 41;

/// Address of the account that a public key (897 bytes) controls.
pub fn address(public_key: &[u8]) -> Address {
    poseidon2::hash(public_key)
}

/// Whether `signature`, in the compact form, signs `message` under the context. Any input is answered.
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    PublicKey::decode(public_key).is_some_and(|key| key.verify(message, signature))
}

/// [`verify`] without a context: Falcon-512 as submitted.
pub fn verify_raw(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    PublicKey::decode(public_key).is_some_and(|key| key.verify_raw(message, signature))
}

/// A signature in its compact form: compact ones as they are, constant-time ones re-encoded; `None` for anything else, for a
/// padded one, and for a constant-time one whose compact form would exceed 666 bytes (its signer signs again).
pub fn compact(signature: &[u8]) -> Option<Cow<'_, [u8]>> {
    match *signature.first()? {
        COMPACT_HEADER => is_compact(signature).then_some(Cow::Borrowed(signature)),
        CONSTANT_TIME_HEADER if signature.len() == CONSTANT_TIME_BYTES => {
            let (prefix, packed) = signature.split_at_checked(PREFIX)?;
            let coefficients = unpack12(packed)?;
            let mut encoded = [0; SIGNATURE_BYTES];
            let (head, body) = encoded.split_at_mut_checked(PREFIX)?;
            head.copy_from_slice(prefix);
            head[0] = COMPACT_HEADER;
            codec::comp_encode(&coefficients, body).then(|| Cow::Owned(unpadded(&encoded).to_vec()))
        }
        _ => None,
    }
}

/// 512 signed 12-bit numbers, most significant bit first; -2048 is not one of them.
fn unpack12(packed: &[u8]) -> Option<[i16; 512]> {
    let mut coefficients = [0i16; 512];
    let pairs = coefficients.as_chunks_mut::<2>().0;
    for ([first, second], [a, b, c]) in pairs.iter_mut().zip(packed.as_chunks::<3>().0) {
        let (a, b, c) = (i16::from(*a), i16::from(*b), i16::from(*c));
        *first = sign12(a << 4 | b >> 4);
        *second = sign12((b & 15) << 8 | c);
    }
    (!coefficients.contains(&-2048)).then_some(coefficients)
}

fn sign12(bits: i16) -> i16 {
    if bits & 0x800 == 0 { bits } else { bits | !0xfff }
}

fn is_compact(signature: &[u8]) -> bool {
    signature.len() > PREFIX && signature.len() <= SIGNATURE_BYTES && signature.last().is_some_and(|&last| last != 0)
}

/// Without the zeros at the end. The coding of s2 ends in a 1 bit, so nothing of it is lost.
fn unpadded(signature: &[u8]) -> &[u8] {
    let end = signature.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
    signature.get(..end).unwrap_or_default()
}

/// What is hashed under the context.
fn framed(message: &[u8]) -> Vec<u8> {
    [&[0, CONTEXT.len() as u8][..], CONTEXT, message].concat()
}

/// A public key, decoded: worth keeping when it verifies more than once.
#[derive(Clone, Copy, Debug)]
pub struct PublicKey(VerifyingKey512);

impl PublicKey {
    /// Decodes 897 bytes; `None` when they are not the canonical encoding of a key.
    pub fn decode(bytes: &[u8]) -> Option<PublicKey> {
        VerifyingKey512::decode(bytes).map(PublicKey)
    }

    /// As [`verify`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verify_raw(&framed(message), signature)
    }

    /// As [`verify_raw`].
    pub fn verify_raw(&self, message: &[u8], signature: &[u8]) -> bool {
        if !is_compact(signature) {
            return false;
        }
        // the library takes 666 bytes only
        let mut padded = [0; SIGNATURE_BYTES];
        padded.iter_mut().zip(signature).for_each(|(to, from)| *to = *from);
        self.0.verify(&padded, &DOMAIN_NONE, &HASH_ID_ORIGINAL_FALCON, message)
    }
}

/// A secret key with its public key. Its encoding is wiped when dropped.
pub struct SecretKey {
    secret: Zeroizing<[u8; SECRET_KEY_BYTES]>,
    public: [u8; PUBLIC_KEY_BYTES],
}

impl SecretKey {
    /// The key of a seed: the same seed, the same key, everywhere.
    pub fn from_seed(seed: &[u8; 32]) -> SecretKey {
        let mut key = SecretKey { secret: Zeroizing::new([0; SECRET_KEY_BYTES]), public: [0; PUBLIC_KEY_BYTES] };
        let mut stream = Stream::new(&[b"detent-falcon-key", seed]);
        KeyPairGenerator512::default().keygen(FN_DSA_LOGN_512, &mut stream, &mut key.secret[..], &mut key.public);
        key
    }

    /// The public key's 897 bytes.
    pub fn public(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        address(&self.public)
    }

    /// Signs under the context, in the compact form.
    ///
    /// `entropy` should be fresh random bytes. Nonce and sampling are drawn from it, the key and the message together, so that a
    /// repeated `entropy` (all zeros in a test) repeats a signature and reveals nothing; what must never happen is one nonce with
    /// two samplings, as differing arithmetic on two machines could cause.
    pub fn sign(&self, message: &[u8], entropy: &[u8; 32]) -> Vec<u8> {
        self.sign_raw(&framed(message), entropy)
    }

    /// [`SecretKey::sign`] without a context.
    pub fn sign_raw(&self, message: &[u8], entropy: &[u8; 32]) -> Vec<u8> {
        // the key's own encoding decodes; an empty signature verifies nowhere
        let Some(mut key) = SigningKey512::decode(&self.secret[..]) else { return Vec::new() };
        let mut stream = Stream::new(&[b"detent-falcon-sign", &self.secret[..], entropy, message]);
        let mut signature = [0; SIGNATURE_BYTES];
        key.sign(&mut stream, &DOMAIN_NONE, &HASH_ID_ORIGINAL_FALCON, message, &mut signature);
        unpadded(&signature).to_vec()
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretKey").finish_non_exhaustive()
    }
}

/// Random bytes from fixed ones: SHAKE256 of the parts, each led by its length.
struct Stream(SHAKE256);

impl Stream {
    fn new(parts: &[&[u8]]) -> Stream {
        let mut shake = SHAKE256::new();
        for part in parts {
            shake.inject(&(part.len() as u64).to_le_bytes());
            shake.inject(part);
        }
        shake.flip();
        Stream(shake)
    }
}

impl RngCore for Stream {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.extract(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), RngError> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Stream {}
