# The exception tag that LLVM's setjmp and longjmp throw: recent LLVM expects the C library to define it, and Zig's does not.
	.tagtype	__c_longjmp i32
	.globl	__c_longjmp
__c_longjmp:
