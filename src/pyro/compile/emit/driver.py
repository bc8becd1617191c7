"""The loop of an iteration: calls its step, and carries the state over."""

from __future__ import annotations

from collections.abc import Sequence

# Stops before an update whose step failed (then %code is not 0) or says that it is not to be taken.
HEAD = """
define i64 @iterate(
    ptr %context, ptr %inputs, ptr %outputs, ptr %scratch, ptr %values, ptr %code, i64 %n) {
entry:
  %value.slot = getelementptr ptr, ptr %outputs, i64 0
  %value.at = load ptr, ptr %value.slot, align 8
  %go.slot = getelementptr ptr, ptr %outputs, i64 1
  %go.at = load ptr, ptr %go.slot, align 8
  %any = icmp sgt i64 %n, 0
  br i1 %any, label %step, label %done
step:
  %i = phi i64 [0, %entry], [%next, %carry]
  %r = call i32 @run(ptr %context, ptr %inputs, ptr %outputs, ptr %scratch)
  store i32 %r, ptr %code, align 4
  %good = icmp eq i32 %r, 0
  br i1 %good, label %judge, label %stop
judge:
  %value = load double, ptr %value.at, align 8
  %slot = getelementptr double, ptr %values, i64 %i
  store double %value, ptr %slot, align 8
  %go = load i8, ptr %go.at, align 1
  %on = icmp ne i8 %go, 0
  br i1 %on, label %carry, label %stop
carry:
"""
TAIL = """  %next = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %step, label %done
stop:
  ret i64 %i
done:
  ret i64 %n
}
"""
COPY = "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)\n"
CARRY = """  %to{k}.slot = getelementptr ptr, ptr %inputs, i64 {k}
  %to{k} = load ptr, ptr %to{k}.slot, align 8
  %from{k}.slot = getelementptr ptr, ptr %outputs, i64 {source}
  %from{k} = load ptr, ptr %from{k}.slot, align 8
  call void @llvm.memcpy.p0.p0.i64(ptr %to{k}, ptr %from{k}, i64 {size}, i1 false)
"""


def write_driver(sizes: Sequence[int], module: str) -> str:
    """The function ``iterate``, which calls ``run`` up to ``n`` times.

    :param sizes: bytes of each array of the state: the first inputs, and the outputs after the
        value and the truth value.
    :param module: the text that this is added to.
    """
    carried = (CARRY.format(k=k, source=k + 2, size=size) for k, size in enumerate(sizes))
    declaration = "" if COPY.strip() in module else COPY
    return HEAD + "".join(carried) + TAIL + declaration
