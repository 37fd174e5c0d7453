//! Bytes, hashes and signatures of the published client: what it sends must be read, hashed and verified here.
//!
//! All constants were computed with pyde-rust-sdk 0.3.2.

use detent_chain::account::{AuthKeys, PublicKey};
use detent_chain::genesis::Endowment;
use detent_chain::transaction::{Access, AccessEntry, FeePayer};
use detent_chain::{Chain, Genesis, Options, Transaction, TxKind, address};
use detent_host::falcon;
use detent_protocol::Code;
use proptest::prelude::*;

const SIMPLE: &str = "\
     111111111111111111111111111111111111111111111111111111111111111122222222222222222222222222222222222222222222222222222222\
     2222222205000000000000000000000000000000000000000852000000000000000000000000000000000000000000000000697a00000000000000";
const SIMPLE_HASH: &str = "df4a87fc64c2a19e399afddc9e6fbc5d0504bd81d2ee05174f12aa0e5e910182";
const FULL: &str = "\
     111111111111111111111111111111111111111111111111111111111111111122222222222222222222222222222222222222222222222222222222\
     222222220700000000000000000000001000000013000000080000007472616e736665720300000001020320a1070000000000110000000000000000\
     000000023333333333333333333333333333333333333333333333333333333333333333020000004444444444444444444444444444444444444444\
     444444444444444444444444020000005555555555555555555555555555555555555555555555555555555555555555666666666666666666666666\
     666666666666666666666666666666666666666601454545454545454545454545454545454545454545454545454545454545454500000000000163\
     00000000000000020000000000000000";
const FULL_HASH: &str = "89bdf1f8a89e6a9284fc5a649b68e19b691a6aa822cd7d055eeaea4de4a96089";
const TANK: &str = "\
     111111111111111111111111111111111111111111111111111111111111111100000000000000000000000000000000000000000000000000000000\
     00000000000000000000000000000000000000000a000000090909090909090909093075000000000000030000000000000000000000010000000001\
     ffffffffffffffff010000000000000012";
const TANK_HASH: &str = "735dc25e202c6c9017a898d3a69fcc0cd476a6d2f96a57fb3c28034e06f6cac9";

/// The key of seed 32 x 07, and a transfer that it signed.
const KEY: &str = "\
     09b232df360056651b80294b5d155a2151a02197dd561ab6ea15a8de9576496f4a60e2d07b1261e5f297069f849b37718f478a3a10a62f27b1b636c5\
     61a0e9187f1adef200e3ea9a053be5f2449c73c04356576890931060f5a2df1f7fd18c75ce08859e04098673d95a2a4093e25428912b764990ef4d5f\
     188dc4c4b5e11661e9ac02a187b2b1d545905f18477e2183d4d4a89cad640b7afb50ce85014a0a9b45ce3d88ece955cc4963b8f520f0671971a5b879\
     2385e5134dff65696169be7240b6ea18f493d2392b37a4140672bd17c6c23277681db261c4e32d7c68917647735b3048109ed6fab78eb4c6f621476b\
     e63a349b5a46332ec47a7e492459e5d911a188140181cd7201d7c7b4018343c3af11252575b7a09a6cb31cbdcbea0305ac0e51044a576667c10e02b5\
     61f8595dae800d1b2466e0df8096e9b48f05ccb8964c98b80059676d81dbbb4dee91f02daf6c1cecc53e4ed025ad6eb7d1218fbb9514b7d101709144\
     8caa8450a237556965f125fe0ee283090e468c6508c255540df8405ced343eea1a6d9eafdb76dae4bde26246e144328960ab3855cf951fd4e10a19a7\
     ad3bb0be8b714b9714fecb0be223c14c34b5daa56c36030a4072689535894148b1e6a14e4b75a6f7b50c9ebaaa8363e98200a33c1dd2fcd88131f12e\
     a5aadb4b61154b38c54eb3a18aa9155456bd57450813bc02252d9dcce698ceee2c6ae3c4954ed09ba2a1958c55c32dd5c0b17464492ae4d9b0e66c4a\
     2914fd278f09cd4fe22592589a9d42ac22e37083ff5c92555ad662d3ad8cd9d48ad5a327943353b38a8849d68380876db559ac9878d8c672be465213\
     08a0615f2eaad7414cbf0ca257081ac8d50b8650e4be43c85b3ad8b83adf7432d5c9650b0c4e61a5f7966ded5e79a236967ba1c1468e5292d95e1780\
     6052661259260e31bae2df2abd8f8c8c37cc4bf12e29fafb22ab0a26702302889c44028d219a79113f7f95cbf9fc6ea26ac227c45fe22c6b1a788a71\
     13ef2766deb10dcf955c048908bf45c8bac976c8491fa06254dc479bdc32ac1883a3d9115c85a93b05204118054a1ab8b0eab52f7681cb8de4b2aa74\
     79d94f185f94e87a03be038d146c532b425889781c800b20ad8d14da3a9263c8c46e7173c5af43278686cfc6b88d7d533acc83f88ae641b5cd128b6f\
     0086c01de8f7964e3a7c17f9b2c56cb3e65527955a5c6a883e414bc4984bd0ea2714c6935741900624465c12356560bee88e65a66c97f923b2";
const KEY_ADDRESS: &str = "2783a1b5ab42dec8af7decae698bca897f36c7f1dbe1ef1879f109480dd5f0bc";
const SIGNED: &str = "\
     2783a1b5ab42dec8af7decae698bca897f36c7f1dbe1ef1879f109480dd5f0bc22222222222222222222222222222222222222222222222222222222\
     22222222050000000000000000000000000000000000000008520000000000000000000000000000290300005905d4a83748e2933e25be56d14af31d\
     3fb1987bc5a38c4b67fcbe49caea70b66cf64634220f03cd38111f3e0cb10c0c4109f6b03f145f4bf0bfdbf9a0b605202c085ff0041fb6f9f123f861\
     3601ffdc030044e6ef60f03f52089fb80aefd7ea214bfa2f60244100f6ef06032073faffd7fbd0aaf9bfa60c902e0020baff6053f460b3fe102300f0\
     dd07af3dfacf99f9c03208802902f02bfb30e503a0d610702eed4008041fccf99fd507efb7edbfc40ddf5bf87febfb3febd960c4f69fbb11907c0380\
     36002083f18e950500e8fdded3033045f38f2506ffe7f8201cf67ff5046f83fe9038ec8eee030fa2ff60a8f89085f700620980b00a2fd3069eaf0eb0\
     1e026fd40d00c012f0a207302603a013fcefd001ff920050db05bf21057f71074fb502dfb70a1115f6104cfce04d0b5fd306906f03cfb402a0db0ce0\
     a3fd3f7ded30d1f61066001fdb01e0fdfefec50640c0025fa7ebef8ef6bf6b00bfff032fee03dfa2086fdcf5008f04a02bfebfad04704f096f80f960\
     16f58f2efcef58fa2ee01330ba09d0210e8fd808402608d03102c09dfcaf95ffff4c0120fbf2fff2f7e04aea803b16ce8f095feb12119de9af4401e0\
     e4f65fb202d03dfe0f8afa7163efee99113ec4fceff70ab052010f4c138f920200290d2fcff1005b0d5fdffc50700d6f9706c021fa1fa8fb8f34fe51\
     3dee8fb5fb4f9a06a095031f460110390ea05af5109eef2ef4fafff90610be0cd01c11d10ff79025f63f411d600efd4eb50770a905f0e80a9fbbff00\
     830d408f006e89f9ffa70b500cfddfbaf65020f84007fddf2a0ac00f02f15906909cf5df40f22fc6fa8f940adee8f7003c002f9404c1ff0c2058073f\
     44003ff0f4307a04cfb401aff213cf09ecf030004fb3fbaffff8be8efebfbc011fd8e7404ffe6fb5086fabfc6f890310c90d6039f4902c06f0e7097f\
     79feaffd0fff8c0f4116067fd90820d4fec025021eb810b129f0f06df5011c043013079063ed4f14f7af7304e0c106ffbcf640fefc9f5e09deaf028f\
     ac02efc40ddfe4143f68ea903617f0eef7bf82f3bff0023f01040f9b042fb800e04813007df5bf57f8d0da0b704cfd1fb107ef99029fea091fe60c71\
     22fb1fc202d03f17805bf60fbb000000000000697a00000000000000";
const SIGNED_HASH: &str = "30433a34b7b372d0878d8cbde88e281ef5adae46992e282963734531922d9dc4";

fn bytes(hex_text: &str) -> Vec<u8> {
    hex::decode(hex_text).unwrap()
}

fn simple() -> Transaction {
    Transaction::standard([0x11; 32], [0x22; 32], 5, vec![], 21000, 0, 31337)
}

#[test]
fn the_simplest_transaction_has_the_published_bytes_and_hash() {
    let tx = simple();
    assert_eq!(hex::encode(tx.encode()), SIMPLE);
    assert_eq!(hex::encode(tx.hash()), SIMPLE_HASH);
    assert_eq!(Transaction::decode(&bytes(SIMPLE)).unwrap(), tx);
}

#[test]
fn every_field_has_the_published_bytes_and_is_hashed() {
    let tx = Transaction::decode(&bytes(FULL)).unwrap();
    assert_eq!(tx.value, (1 << 100) + 7);
    assert_eq!((tx.gas_limit, tx.nonce, tx.deadline, tx.chain_id), (500_000, 17, Some(99), 2));
    assert_eq!(tx.fee_payer, FeePayer::Paymaster([0x33; 32]));
    let entry = |byte, storage_keys, access| AccessEntry { address: [byte; 32], storage_keys, access };
    assert_eq!(tx.access_list, [entry(0x44, vec![[0x55; 32], [0x66; 32]], Access::ReadWrite), entry(0x45, vec![], Access::Read)]);
    assert_eq!(hex::encode(tx.hash()), FULL_HASH);
    assert_eq!(hex::encode(tx.encode()), FULL);
    let tank = Transaction::decode(&bytes(TANK)).unwrap();
    assert_eq!((tank.fee_payer.clone(), tank.kind, tank.deadline), (FeePayer::GasTank, TxKind::Reveal, Some(u64::MAX)));
    assert_eq!((hex::encode(tank.hash()), hex::encode(tank.encode())), (TANK_HASH.into(), TANK.into()));
    for tx in [tx, tank, simple()] {
        assert_eq!(tx.encoded_len(), tx.encode().len());
    }
}

#[test]
fn a_chain_executes_what_the_published_client_signed() {
    let key = PublicKey::from_slice(&bytes(KEY)).unwrap();
    let balances = vec![Endowment { address: address::of_key(&key), public_key: Some(key), balance: 1 << 40 }];
    let genesis = Genesis { dev: false, balances, ..Genesis::default() };
    let mut chain = Chain::memory(genesis.clone(), Options::default()).unwrap();
    let batch = chain.run_batch(&[bytes(SIGNED)], 10).unwrap();
    assert_eq!((batch.succeeded, batch.refused.len()), (1, 0));
    assert_eq!(chain.balance(&[0x22; 32]).unwrap(), 5);
    let mut block = chain.block(1).unwrap();
    assert_eq!(hex::encode(chain.receipts(1).unwrap()[0].tx_hash.as_ref()), SIGNED_HASH);

    // a block with the other form of the signature is not a block
    let mut other = Chain::memory(genesis, Options::default()).unwrap();
    block.transactions[0].signature = Transaction::decode(&bytes(SIGNED)).unwrap().signature;
    assert_eq!(other.import(&block).err().map(|fault| fault.code), Some(Code::ReplayMismatch));
    block.transactions[0] = Transaction::from_wire(&bytes(SIGNED)).unwrap();
    other.import(&block).unwrap();
}

#[test]
fn a_transfer_signed_by_the_published_client_verifies() {
    let key = PublicKey::from_slice(&bytes(KEY)).unwrap();
    assert_eq!(hex::encode(address::of_key(&key)), KEY_ADDRESS);
    let keys = AuthKeys::Single(key);
    let tx = Transaction::from_wire(&bytes(SIGNED)).unwrap();
    assert_eq!(hex::encode(tx.hash()), SIGNED_HASH);
    tx.verify(&tx.hash(), &keys).unwrap();

    // a block holds one form of a signature only: the client's own is re-encoded at the edge
    let raw = Transaction::decode(&bytes(SIGNED)).unwrap();
    assert_ne!(raw.signature, tx.signature);
    assert_eq!(raw.verify(&raw.hash(), &keys).unwrap_err().code, Code::SignatureInvalid);

    let mut other = tx.clone();
    other.value += 1;
    assert_eq!(other.verify(&other.hash(), &keys).unwrap_err().code, Code::SignatureInvalid);
    assert_eq!(tx.verify(&tx.hash(), &AuthKeys::None).unwrap_err().code, Code::KeysUnregistered);
}

#[test]
fn own_signatures_verify_and_cover_every_field_but_themselves() {
    let key = falcon::SecretKey::from_seed(&[9; 32]);
    let keys = AuthKeys::Single(PublicKey::from_slice(key.public()).unwrap());
    let mut tx = simple();
    tx.sign(&key, &[1; 32]);
    tx.verify(&tx.hash(), &keys).unwrap();
    let change = |f: fn(&mut Transaction)| {
        let mut other = tx.clone();
        f(&mut other);
        other.verify(&other.hash(), &keys).is_err()
    };
    assert!(change(|t| t.from[0] ^= 1) && change(|t| t.to[0] ^= 1) && change(|t| t.value += 1) && change(|t| t.data.push(0)));
    assert!(change(|t| t.gas_limit += 1) && change(|t| t.nonce += 1) && change(|t| t.fee_payer = FeePayer::GasTank));
    assert!(change(|t| t.access_list.push(AccessEntry { address: [0; 32], storage_keys: vec![], access: Access::Read })));
    assert!(change(|t| t.deadline = Some(0)) && change(|t| t.chain_id += 1) && change(|t| t.kind = TxKind::Deploy));
    assert!(change(|t| t.signature.push(1)));
    let mut signed_again = tx.clone();
    signed_again.sign(&key, &[2; 32]);
    assert_ne!(signed_again.signature, tx.signature);
    assert_eq!(signed_again.hash(), tx.hash());
}

#[test]
fn sizes_beyond_the_limits_and_the_vacant_type_are_refused() {
    let code = |tx: &Transaction| Transaction::decode(&tx.encode()).unwrap_err().code;
    let with = |f: fn(&mut Transaction)| {
        let mut tx = simple();
        f(&mut tx);
        tx
    };
    assert_eq!(code(&with(|t| t.data = vec![0; 65537])), Code::TxTooLarge);
    assert_eq!(code(&with(|t| t.data = vec![0; 131072])), Code::TxTooLarge);
    assert_eq!(code(&with(|t| t.signature = vec![1; 1001])), Code::TxTooLarge);
    let deploy = with(|t| (t.data, t.kind) = (vec![0; 100_000], TxKind::Deploy));
    assert_eq!(Transaction::decode(&deploy.encode()).unwrap(), deploy, "code travels in the data of a deployment");
    let mut vacant = simple().encode();
    *vacant.last_mut().unwrap() = 2;
    assert_eq!(Transaction::decode(&vacant).unwrap_err().code, Code::TxMalformed);
    assert_eq!(Transaction::decode(&[simple().encode(), vec![0]].concat()).unwrap_err().code, Code::TxMalformed);
    assert_eq!(Transaction::decode(&[]).unwrap_err().code, Code::TxMalformed);
}

proptest! {
    #[test]
    fn any_bytes_decode_to_what_encodes_to_them_or_fail(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(tx) = Transaction::decode(&bytes) { prop_assert_eq!(tx.encode(), bytes); }
    }

    #[test]
    fn mutated_transactions_decode_to_what_encodes_to_them_or_fail(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
        let mut full = bytes(FULL);
        if cut < full.len() { prop_assert!(Transaction::decode(&full[..cut]).is_err()); }
        if let Some(b) = full.get_mut(at) { *b = byte; }
        if let Ok(tx) = Transaction::decode(&full) { prop_assert_eq!(tx.encode(), full.clone()); }
        let _ = Transaction::from_wire(&full);
    }
}
