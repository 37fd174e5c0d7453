;; A contract that does what its calldata says: a list of commands, each a byte and its operands. Results are appended to an
;; output, which is returned at the end. Every declared function runs the same commands; only attributes differ.
;;
;;  0                                              end: return the output
;;  1 slot[32] len:u8 bytes                        sstore
;;  2 slot[32]                                     sload: length i32, bytes
;;  3 kind:u8 to[32] value[16] gas:i64 nlen:u8 name clen:u16 calldata
;;                                                 cross_call (0), cross_call_static (1), delegate_call (2): code i32, length u32, bytes
;;  4 len:u8 bytes                                 revert
;;  5                                              unreachable
;;  6                                              loop without end
;;  7 topic[32] len:u8 bytes                       emit_event with one topic: code i32
;;  8 to[32] amount[16]                            transfer: code i32
;;  9                                              caller[32] self[32] origin[32] value[16]
;; 10 gas:i64                                      consume_gas
;; 11                                              tx_gas_remaining i64
;; 12 pages:i32                                    memory.grow: result i32
;; 13 len:u8 name                                  sload_scalar: length or code i32, bytes
;; 14 address[32]                                  balance[16]
;; 15 depth:i32                                    recurses that deep, and comes back
(module
  (import "pyde" "sload" (func $sload (param i32 i32 i32) (result i32)))
  (import "pyde" "sstore" (func $sstore (param i32 i32 i32)))
  (import "pyde" "sload_scalar" (func $sload_scalar (param i32 i32 i32 i32) (result i32)))
  (import "pyde" "cross_call" (func $call (param i32 i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
  (import "pyde" "cross_call_static" (func $static (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
  (import "pyde" "delegate_call" (func $delegate (param i32 i32 i32 i32 i32 i64 i32 i32) (result i32)))
  (import "pyde" "return" (func $return (param i32 i32)))
  (import "pyde" "revert" (func $revert (param i32 i32)))
  (import "pyde" "emit_event" (func $emit (param i32 i32 i32 i32) (result i32)))
  (import "pyde" "transfer" (func $transfer (param i32 i32) (result i32)))
  (import "pyde" "balance" (func $balance (param i32 i32)))
  (import "pyde" "caller" (func $caller (param i32) (result i32)))
  (import "pyde" "self_address" (func $self (param i32) (result i32)))
  (import "pyde" "origin" (func $origin (param i32) (result i32)))
  (import "pyde" "tx_value" (func $value (param i32)))
  (import "pyde" "consume_gas" (func $consume (param i64)))
  (import "pyde" "tx_gas_remaining" (func $gas (result i64)))
  (import "pyde" "calldata_copy" (func $calldata (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  (global $pc (mut i32) (i32.const 0x1000))  ;; the script, up to 0x12000
  (global $out (mut i32) (i32.const 0x20000)) ;; the output

  (func $u8 (result i32)
    (i32.load8_u (global.get $pc))
    (global.set $pc (i32.add (global.get $pc) (i32.const 1))))
  (func $take (param $n i32) (result i32)
    (global.get $pc)
    (global.set $pc (i32.add (global.get $pc) (local.get $n))))
  (func $put (param $v i32)
    (i32.store (global.get $out) (local.get $v))
    (global.set $out (i32.add (global.get $out) (i32.const 4))))
  (func $skip (param $n i32)
    (global.set $out (i32.add (global.get $out) (local.get $n))))
  (func $min (param $a i32) (param $b i32) (result i32)
    (select (local.get $a) (local.get $b) (i32.lt_u (local.get $a) (local.get $b))))
  (func $down (param $n i32) (result i32)
    (if (result i32) (local.get $n)
      (then (i32.add (i32.const 1) (call $down (i32.sub (local.get $n) (i32.const 1)))))
      (else (i32.const 0))))

  (func $nested
    (local $kind i32) (local $to i32) (local $value i32) (local $gas i64) (local $nlen i32) (local $name i32) (local $clen i32) (local $data i32)
    (local $code i32) (local $ret i32)
    (local.set $kind (call $u8))
    (local.set $to (call $take (i32.const 32)))
    (local.set $value (call $take (i32.const 16)))
    (local.set $gas (i64.load (call $take (i32.const 8))))
    (local.set $nlen (call $u8))
    (local.set $name (call $take (local.get $nlen)))
    (local.set $clen (i32.load16_u (call $take (i32.const 2))))
    (local.set $data (call $take (local.get $clen)))
    (local.set $ret (i32.add (global.get $out) (i32.const 8)))
    (i32.store (i32.const 8) (i32.const 8192)) ;; capacity in, length out
    (if (i32.eqz (local.get $kind))
      (then (local.set $code (call $call (local.get $to) (local.get $name) (local.get $nlen) (local.get $data) (local.get $clen)
        (local.get $value) (local.get $gas) (local.get $ret) (i32.const 8))))
      (else (if (i32.eq (local.get $kind) (i32.const 1))
        (then (local.set $code (call $static (local.get $to) (local.get $name) (local.get $nlen) (local.get $data) (local.get $clen)
          (local.get $gas) (local.get $ret) (i32.const 8))))
        (else (local.set $code (call $delegate (local.get $to) (local.get $name) (local.get $nlen) (local.get $data) (local.get $clen)
          (local.get $gas) (local.get $ret) (i32.const 8)))))))
    (call $put (local.get $code))
    (call $put (i32.load (i32.const 8)))
    (call $skip (call $min (i32.load (i32.const 8)) (i32.const 8192))))

  (func $run
    (local $op i32) (local $a i32) (local $n i32)
    (i32.store (i32.const 8) (i32.const 0x11000))
    (drop (call $calldata (i32.const 0x1000) (i32.const 8)))
    (loop $next
      (local.set $op (call $u8))
      (if (i32.eqz (local.get $op)) (then
        (call $return (i32.const 0x20000) (i32.sub (global.get $out) (i32.const 0x20000)))))
      (if (i32.eq (local.get $op) (i32.const 1)) (then
        (local.set $a (call $take (i32.const 32)))
        (local.set $n (call $u8))
        (call $sstore (local.get $a) (call $take (local.get $n)) (local.get $n))))
      (if (i32.eq (local.get $op) (i32.const 2)) (then
        (local.set $n (call $sload (call $take (i32.const 32)) (i32.add (global.get $out) (i32.const 4)) (i32.const 256)))
        (call $put (local.get $n))
        (if (i32.gt_s (local.get $n) (i32.const 0)) (then (call $skip (local.get $n))))))
      (if (i32.eq (local.get $op) (i32.const 3)) (then (call $nested)))
      (if (i32.eq (local.get $op) (i32.const 4)) (then
        (local.set $n (call $u8))
        (call $revert (call $take (local.get $n)) (local.get $n))))
      (if (i32.eq (local.get $op) (i32.const 5)) (then (unreachable)))
      (if (i32.eq (local.get $op) (i32.const 6)) (then (loop $forever (br $forever))))
      (if (i32.eq (local.get $op) (i32.const 7)) (then
        (local.set $a (call $take (i32.const 32)))
        (local.set $n (call $u8))
        (call $put (call $emit (local.get $a) (i32.const 1) (call $take (local.get $n)) (local.get $n)))))
      (if (i32.eq (local.get $op) (i32.const 8)) (then
        (local.set $a (call $take (i32.const 32)))
        (call $put (call $transfer (local.get $a) (call $take (i32.const 16))))))
      (if (i32.eq (local.get $op) (i32.const 9)) (then
        (drop (call $caller (global.get $out))) (call $skip (i32.const 32))
        (drop (call $self (global.get $out))) (call $skip (i32.const 32))
        (drop (call $origin (global.get $out))) (call $skip (i32.const 32))
        (call $value (global.get $out)) (call $skip (i32.const 16))))
      (if (i32.eq (local.get $op) (i32.const 10)) (then (call $consume (i64.load (call $take (i32.const 8))))))
      (if (i32.eq (local.get $op) (i32.const 11)) (then
        (i64.store (global.get $out) (call $gas)) (call $skip (i32.const 8))))
      (if (i32.eq (local.get $op) (i32.const 12)) (then (call $put (memory.grow (i32.load (call $take (i32.const 4)))))))
      (if (i32.eq (local.get $op) (i32.const 13)) (then
        (local.set $a (call $u8))
        (local.set $n (call $sload_scalar (call $take (local.get $a)) (local.get $a) (i32.add (global.get $out) (i32.const 4)) (i32.const 256)))
        (call $put (local.get $n))
        (if (i32.gt_s (local.get $n) (i32.const 0)) (then (call $skip (local.get $n))))))
      (if (i32.eq (local.get $op) (i32.const 14)) (then
        (call $balance (call $take (i32.const 32)) (global.get $out)) (call $skip (i32.const 16))))
      (if (i32.eq (local.get $op) (i32.const 15)) (then (drop (call $down (i32.load (call $take (i32.const 4)))))))
      (br $next)))

  (export "run" (func $run))
  (export "look" (func $run))
  (export "pay" (func $run))
  (export "again" (func $run))
  (export "init" (func $run))
  (export "other" (func $run))
  (export "bare" (func $run))
  (export "hidden" (func $run))
)
