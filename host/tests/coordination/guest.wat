;; Passes every call on to `larder:cache/coordination`, with handles and memory as plain numbers,
;; and lets the test look into its memory.
(component
  (import "larder:cache/coordination@0.1.0" (instance $host
    (type $mode-type (enum "shared" "exclusive"))
    (export "lock-mode" (type $mode (eq $mode-type)))
    (type $fault-type (variant
      (case "not-found")
      (case "denied")
      (case "unsupported")
      (case "damaged")
      (case "exhausted" string)
      (case "invalid" string)
      (case "io" string)))
    (export "fault" (type $fault (eq $fault-type)))
    (export "shared-file" (type $file (sub resource)))
    (export "can-map" (func (result bool)))
    (export "barrier" (func (param "memory" (list u8)) (result (result (error $fault)))))
    (export "[static]shared-file.open" (func
      (param "path" string) (param "create" bool) (param "read-only" bool)
      (result (result (own $file) (error $fault)))))
    (export "[method]shared-file.lock" (func
      (param "self" (borrow $file)) (param "start" u64) (param "length" u64)
      (param "mode" $mode) (param "wait-ms" u32)
      (result (result bool (error $fault)))))
    (export "[method]shared-file.unlock" (func
      (param "self" (borrow $file)) (param "start" u64) (param "length" u64)
      (result (result (error $fault)))))
    (export "[method]shared-file.is-locked" (func
      (param "self" (borrow $file)) (param "start" u64) (param "length" u64)
      (result (result bool (error $fault)))))
    (export "[method]shared-file.size" (func
      (param "self" (borrow $file)) (result (result u64 (error $fault)))))
    (export "[method]shared-file.resize" (func
      (param "self" (borrow $file)) (param "size" u64) (result (result (error $fault)))))
    (export "[method]shared-file.map" (func
      (param "self" (borrow $file)) (param "offset" u64) (param "memory" (list u8))
      (result (result (error $fault)))))
    (export "[method]shared-file.unmap" (func
      (param "self" (borrow $file)) (param "memory" (list u8))
      (result (result (error $fault)))))))

  (alias export $host "lock-mode" (type $mode))
  (alias export $host "fault" (type $fault))
  (alias export $host "shared-file" (type $file))

  (core module $memory
    (memory (export "memory") 16)
    ;; Arguments and texts of faults: used up before the next call, so one place does for all.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $bytes))
  (alias core export $memory "realloc" (core func $realloc))

  (core func $can-map (canon lower (func $host "can-map")))
  (core func $barrier
    (canon lower (func $host "barrier") (memory $bytes) (realloc $realloc)))
  (core func $open
    (canon lower (func $host "[static]shared-file.open") (memory $bytes) (realloc $realloc)))
  (core func $lock
    (canon lower (func $host "[method]shared-file.lock") (memory $bytes) (realloc $realloc)))
  (core func $unlock
    (canon lower (func $host "[method]shared-file.unlock") (memory $bytes) (realloc $realloc)))
  (core func $is-locked
    (canon lower (func $host "[method]shared-file.is-locked") (memory $bytes) (realloc $realloc)))
  (core func $size
    (canon lower (func $host "[method]shared-file.size") (memory $bytes) (realloc $realloc)))
  (core func $resize
    (canon lower (func $host "[method]shared-file.resize") (memory $bytes) (realloc $realloc)))
  (core func $map
    (canon lower (func $host "[method]shared-file.map") (memory $bytes) (realloc $realloc)))
  (core func $unmap
    (canon lower (func $host "[method]shared-file.unmap") (memory $bytes) (realloc $realloc)))
  (core func $close (canon resource.drop $file))

  ;; Results are written to address 16, where they are lifted from again.
  (core module $main
    (import "m" "memory" (memory 1))
    (import "h" "barrier" (func $barrier (param i32 i32 i32)))
    (import "h" "open" (func $open (param i32 i32 i32 i32 i32)))
    (import "h" "lock" (func $lock (param i32 i64 i64 i32 i32 i32)))
    (import "h" "unlock" (func $unlock (param i32 i64 i64 i32)))
    (import "h" "is-locked" (func $is-locked (param i32 i64 i64 i32)))
    (import "h" "size" (func $size (param i32 i32)))
    (import "h" "resize" (func $resize (param i32 i64 i32)))
    (import "h" "map" (func $map (param i32 i64 i32 i32 i32)))
    (import "h" "unmap" (func $unmap (param i32 i32 i32 i32)))
    (func (export "barrier") (param i32 i32) (result i32)
      (call $barrier (local.get 0) (local.get 1) (i32.const 16))
      (i32.const 16))
    (func (export "open") (param i32 i32 i32 i32) (result i32)
      (call $open (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 16))
      (i32.const 16))
    (func (export "lock") (param i32 i64 i64 i32 i32) (result i32)
      (call $lock
        (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (i32.const 16))
      (i32.const 16))
    (func (export "unlock") (param i32 i64 i64) (result i32)
      (call $unlock (local.get 0) (local.get 1) (local.get 2) (i32.const 16))
      (i32.const 16))
    (func (export "is-locked") (param i32 i64 i64) (result i32)
      (call $is-locked (local.get 0) (local.get 1) (local.get 2) (i32.const 16))
      (i32.const 16))
    (func (export "size") (param i32) (result i32)
      (call $size (local.get 0) (i32.const 16))
      (i32.const 16))
    (func (export "resize") (param i32 i64) (result i32)
      (call $resize (local.get 0) (local.get 1) (i32.const 16))
      (i32.const 16))
    (func (export "map") (param i32 i64 i32 i32) (result i32)
      (call $map (local.get 0) (local.get 1) (local.get 2) (local.get 3) (i32.const 16))
      (i32.const 16))
    (func (export "unmap") (param i32 i32 i32) (result i32)
      (call $unmap (local.get 0) (local.get 1) (local.get 2) (i32.const 16))
      (i32.const 16))
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
    ;; The first byte from an address on that is not zero; the end of the memory if all are.
    (func (export "first-set") (param i32) (result i32)
      (block $found
        (loop $next
          (br_if $found (i32.ge_u (local.get 0) (i32.mul (memory.size) (i32.const 65536))))
          (br_if $found (i32.load8_u (local.get 0)))
          (local.set 0 (i32.add (local.get 0) (i32.const 1)))
          (br $next)))
      (local.get 0))
    ;; Never returns.
    (func (export "spin") (param i32) (result i32) (loop $again (br $again)) (unreachable))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
  (core instance $main (instantiate $main
    (with "m" (instance $memory))
    (with "h" (instance
      (export "barrier" (func $barrier))
      (export "open" (func $open))
      (export "lock" (func $lock))
      (export "unlock" (func $unlock))
      (export "is-locked" (func $is-locked))
      (export "size" (func $size))
      (export "resize" (func $resize))
      (export "map" (func $map))
      (export "unmap" (func $unmap))))))

  (type $outcome (result (error $fault)))
  (type $decision (result bool (error $fault)))

  (func (export "can-map") (result bool) (canon lift (core func $can-map)))
  (func (export "close") (param "file" u32) (canon lift (core func $close)))
  (func (export "load") (param "address" u32) (result u32)
    (canon lift (core func $main "load")))
  (func (export "store") (param "address" u32) (param "value" u32)
    (canon lift (core func $main "store")))
  (func (export "grow") (param "pages" u32) (result s32)
    (canon lift (core func $main "grow")))
  (func (export "first-set") (param "address" u32) (result u32)
    (canon lift (core func $main "first-set")))
  (func (export "spin") (param "ignored" u32) (result u32)
    (canon lift (core func $main "spin")))
  ;; As `open`, with the path wherever the caller says it is.
  (func (export "open-at")
    (param "address" u32) (param "length" u32) (param "create" bool) (param "read-only" bool)
    (result (result u32 (error $fault)))
    (canon lift (core func $main "open") (memory $bytes) (realloc $realloc)))
  (func (export "barrier") (param "address" u32) (param "length" u32) (result $outcome)
    (canon lift (core func $main "barrier") (memory $bytes)))
  (func (export "open") (param "path" string) (param "create" bool) (param "read-only" bool)
    (result (result u32 (error $fault)))
    (canon lift (core func $main "open") (memory $bytes) (realloc $realloc)))
  (func (export "lock")
    (param "file" u32) (param "start" u64) (param "length" u64) (param "mode" $mode)
    (param "wait-ms" u32) (result $decision)
    (canon lift (core func $main "lock") (memory $bytes)))
  (func (export "unlock") (param "file" u32) (param "start" u64) (param "length" u64)
    (result $outcome)
    (canon lift (core func $main "unlock") (memory $bytes)))
  (func (export "is-locked") (param "file" u32) (param "start" u64) (param "length" u64)
    (result $decision)
    (canon lift (core func $main "is-locked") (memory $bytes)))
  (func (export "size") (param "file" u32) (result (result u64 (error $fault)))
    (canon lift (core func $main "size") (memory $bytes)))
  (func (export "resize") (param "file" u32) (param "size" u64) (result $outcome)
    (canon lift (core func $main "resize") (memory $bytes)))
  (func (export "map")
    (param "file" u32) (param "offset" u64) (param "address" u32) (param "length" u32)
    (result $outcome)
    (canon lift (core func $main "map") (memory $bytes)))
  (func (export "unmap") (param "file" u32) (param "address" u32) (param "length" u32)
    (result $outcome)
    (canon lift (core func $main "unmap") (memory $bytes))))
