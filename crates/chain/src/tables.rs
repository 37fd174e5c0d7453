//! Where blocks, receipts and the genesis are in the store, beside the committed state.

use crate::block::Block;
use crate::genesis::Genesis;
use crate::receipt::Receipt;
use detent_protocol::{Code, Fault};
use detent_state::{Batch, Reader, Table};

const GENESIS: &[u8] = b"genesis";

/// Row of a block's hash in [`Table::Meta`].
fn hash_row(hash: &[u8; 32]) -> Vec<u8> {
    [b"block:", &hash[..]].concat()
}

/// Row of a receipt: height and index, so that order is order.
fn receipt_row(height: u64, index: u32) -> [u8; 12] {
    let mut row = [0; 12];
    row[..8].copy_from_slice(&height.to_be_bytes());
    row[8..].copy_from_slice(&index.to_be_bytes());
    row
}

pub(crate) fn put_block(rows: &mut Batch, block: &Block, hash: &[u8; 32]) {
    let height = block.header.height.to_be_bytes();
    rows.put(Table::Blocks, height, block.to_bytes());
    rows.put(Table::Meta, hash_row(hash), height);
}

pub(crate) fn put_receipt(rows: &mut Batch, receipt: &Receipt, bytes: Vec<u8>) {
    let row = receipt_row(receipt.height, receipt.index);
    rows.put(Table::Receipts, row, bytes);
    rows.put(Table::Transactions, *receipt.tx_hash, row);
}

pub(crate) fn put_genesis(rows: &mut Batch, genesis: &Genesis) {
    rows.put(Table::Meta, GENESIS, genesis.to_json().into_bytes());
}

/// The genesis that the store was made with; `None` for an empty store.
pub(crate) fn genesis(state: &Reader) -> Result<Option<Genesis>, Fault> {
    let Some(row) = state.table(Table::Meta).get(GENESIS)? else { return Ok(None) };
    let text = std::str::from_utf8(&row).map_err(|_| Fault::new(Code::RecordMalformed, "the stored genesis is not text"))?;
    Genesis::from_json(text).map(Some)
}

/// A block by height.
pub(crate) fn block(state: &Reader, height: u64) -> Result<Option<Block>, Fault> {
    state.table(Table::Blocks).get(&height.to_be_bytes())?.map(|bytes| Block::from_bytes(&bytes)).transpose()
}

/// The last block.
pub(crate) fn last_block(state: &Reader) -> Result<Option<Block>, Fault> {
    state.table(Table::Blocks).last()?.map(|(_, bytes)| Block::from_bytes(&bytes)).transpose()
}

/// Height of the block of that hash.
pub(crate) fn height_of(state: &Reader, hash: &[u8; 32]) -> Result<Option<u64>, Fault> {
    let Some(row) = state.table(Table::Meta).get(&hash_row(hash))? else { return Ok(None) };
    let height = row[..].try_into().map_err(|_| Fault::new(Code::RecordMalformed, "a stored block height has not 8 bytes"))?;
    Ok(Some(u64::from_be_bytes(height)))
}

/// Where a transaction is: height and index.
pub(crate) fn place_of(state: &Reader, tx_hash: &[u8; 32]) -> Result<Option<(u64, u32)>, Fault> {
    let malformed = || Fault::new(Code::RecordMalformed, "a stored transaction's place has not 12 bytes");
    let Some(row) = state.table(Table::Transactions).get(tx_hash)? else { return Ok(None) };
    let (height, index) = row.split_first_chunk::<8>().ok_or_else(malformed)?;
    let index = index.try_into().map_err(|_| malformed())?;
    Ok(Some((u64::from_be_bytes(*height), u32::from_be_bytes(index))))
}

/// A receipt by its place.
pub(crate) fn receipt(state: &Reader, height: u64, index: u32) -> Result<Option<Receipt>, Fault> {
    state.table(Table::Receipts).get(&receipt_row(height, index))?.map(|bytes| Receipt::from_bytes(&bytes)).transpose()
}

/// All receipts of a block, in order.
pub(crate) fn receipts(state: &Reader, height: u64) -> Result<Vec<Receipt>, Fault> {
    const PAGE: usize = 1024;
    let mut out: Vec<Receipt> = Vec::new();
    loop {
        let from = receipt_row(height, out.len() as u32);
        let rows = state.table(Table::Receipts).scan(&from, PAGE)?;
        let full = rows.len() == PAGE;
        for (row, bytes) in rows {
            if row.get(..8) != Some(&height.to_be_bytes()[..]) {
                return Ok(out);
            }
            out.push(Receipt::from_bytes(&bytes)?);
        }
        if !full {
            return Ok(out);
        }
    }
}
