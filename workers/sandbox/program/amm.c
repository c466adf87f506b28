// The sandbox's exchange: constant-product pools for sBPF v0, any SPL Token or Token-2022 pair.
//
// A pool account is a program-derived address that also owns its two vaults. Reserves are the
// vaults' live balances, so liquidity is added by plain transfers. What is received and paid is
// measured by balances before and after: Token-2022 transfer fees come out right by themselves.
// Mirrored by ../amm.py: account layout, instruction data, error numbers and formula.
//
// Rules of the target: at most five arguments per function, no writable globals, small stack
// (big structs live on the heap), no 128-bit arithmetic.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

enum {
    INVALID_INSTRUCTION = 6000,
    SLIPPAGE = 6001,
    PAUSED = 6002,
    WRONG_ACCOUNT = 6003,
    WRONG_PROGRAM = 6004,
    NOT_ADMIN = 6005,
    WRONG_AMOUNT = 6006,
};

#define BPS 10000ULL
#define MAX_ACCOUNTS 16
#define MAX_DATA_GROWTH 10240
#define POOL_LENGTH 240
#define POOL_MAGIC 0x314c4f4f504d4d41ULL  // "AMMPOOL1" little endian
#define TOKEN_ACCOUNT_LENGTH 165
#define MINT_LENGTH 82
#define MINT_DECIMALS_AT 44
#define TRANSFER_CHECKED 12
#define HEAP 0x300000000ULL

typedef struct {
    u64 word[4];
} Key;

typedef struct {
    const Key *key;
    u64 *lamports;
    u64 data_len;
    u8 *data;
    const Key *owner;
    u64 rent_epoch;
    u8 is_signer;
    u8 is_writable;
    u8 executable;
} Account;

typedef struct {
    const Key *key;
    u8 is_writable;
    u8 is_signer;
} Meta;

typedef struct {
    const Key *program;
    Meta *accounts;
    u64 accounts_len;
    const u8 *data;
    u64 data_len;
} Call;

typedef struct {
    const void *bytes;
    u64 length;
} Seed;

typedef struct {
    const Seed *seeds;
    u64 length;
} Signer;

typedef struct {
    u64 magic;
    u8 bump;
    u8 index;
    u8 paused;
    u8 pad0;
    u16 fee_bps;
    u16 pad1;
    Key admin;
    Key base_mint;
    Key quote_mint;
    Key base_vault;
    Key quote_vault;
    Key base_program;
    Key quote_program;
} Pool;

typedef struct {
    Account accounts[MAX_ACCOUNTS];
    u64 count;
    const u8 *data;
    u64 data_len;
    const Key *program;
    Call call;
    Meta metas[4];
    u8 call_data[64];
    Seed seeds[5];
    Signer signer;
    Key derived;
} Context;

extern u64 sol_invoke_signed_c(const Call *, const Account *, u64, const Signer *, u64);
extern u64 sol_create_program_address(const Seed *, u64, const Key *, Key *);

static const u8 POOL_SEED[4] = {'p', 'o', 'o', 'l'};
static const Key SYSTEM_PROGRAM = {{0, 0, 0, 0}};
static const Key TOKEN_PROGRAM = {{0x93a165d7e1f6dd06ULL, 0xac79ebce46e1cbd9ULL,
                                   0x91375b5fed85b41cULL, 0xa900ff7e85f58c3aULL}};
static const Key TOKEN_2022_PROGRAM = {{0xde8f75eee1f6dd06ULL, 0xdacd6ce4bc5d4218ULL,
                                   0x270db9834dfc1ab6ULL, 0xfc8ba1d828f9bdfeULL}};

static inline int same(const Key *a, const Key *b) {
    return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
           a->word[3] == b->word[3];
}

// The VM is little endian and takes unaligned loads and stores.
static inline u64 read_u64(const u8 *at) { return *(const u64 *)at; }

static inline void write_u64(u8 *at, u64 value) { *(u64 *)at = value; }

// One account of the loader's input, which begins right after its marker byte.
static u8 *read_account(Account *account, u8 *at) {
    account->is_signer = at[1];
    account->is_writable = at[2];
    account->executable = at[3];
    account->key = (const Key *)(at + 8);
    account->owner = (const Key *)(at + 40);
    account->lamports = (u64 *)(at + 72);
    account->data_len = read_u64(at + 80);
    account->data = at + 88;
    u8 *end = account->data + account->data_len + MAX_DATA_GROWTH;
    end = (u8 *)(((u64)end + 7) & ~7ULL);
    account->rent_epoch = read_u64(end);
    return end + 8;
}

static int read_input(Context *context, u8 *at) {
    context->count = read_u64(at);
    at += 8;
    if (context->count > MAX_ACCOUNTS) return INVALID_INSTRUCTION;
    for (u64 i = 0; i < context->count; i++) {
        if (*at == 0xff) {
            at = read_account(&context->accounts[i], at);
        } else {
            context->accounts[i] = context->accounts[*at];
            at += 8;
        }
    }
    context->data_len = read_u64(at);
    context->data = at + 8;
    context->program = (const Key *)(context->data + context->data_len);
    return 0;
}

// The high and low half of a * b.
static void multiply(u64 a, u64 b, u64 *high, u64 *low) {
    u64 a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
    u64 low_low = a0 * b0;
    u64 middle = a1 * b0 + (low_low >> 32);
    u64 other = a0 * b1 + (middle & 0xffffffff);
    *high = a1 * b1 + (middle >> 32) + (other >> 32);
    *low = other << 32 | (low_low & 0xffffffff);
}

// floor(a * b / divisor); the caller makes sure that the quotient fits: a < divisor or b < divisor
// so that the high half stays below the divisor. Plain long division, one bit at a time.
static u64 multiply_divide(u64 a, u64 b, u64 divisor) {
    u64 rest, low;
    multiply(a, b, &rest, &low);
    if (rest == 0) return low / divisor;
    u64 quotient = 0;
    for (int bit = 63; bit >= 0; bit--) {
        u64 carry = rest >> 63;
        rest = rest << 1 | (low >> bit & 1);
        quotient <<= 1;
        if (carry || rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
    }
    return quotient;
}

static int is_token_program(const Key *program) {
    return same(program, &TOKEN_PROGRAM) || same(program, &TOKEN_2022_PROGRAM);
}

static u64 token_amount(const Account *account) { return read_u64(account->data + 64); }

static int is_token_account(const Account *account, const Key *program, const Key *mint) {
    return same(account->owner, program) && account->data_len >= TOKEN_ACCOUNT_LENGTH &&
           same((const Key *)account->data, mint);
}

static int is_vault(const Account *account, const Account *mint, const Account *program,
                    const Key *pool) {
    return is_token_account(account, program->key, mint->key) &&
           same((const Key *)(account->data + 32), pool);
}

static void set_meta(Context *context, int index, const Key *key, int writable, int signer) {
    context->metas[index].key = key;
    context->metas[index].is_writable = (u8)writable;
    context->metas[index].is_signer = (u8)signer;
}

static void pool_signs(Context *context, const Pool *pool) {
    Seed *seeds = context->seeds;
    seeds[0] = (Seed){POOL_SEED, sizeof POOL_SEED};
    seeds[1] = (Seed){&pool->base_mint, 32};
    seeds[2] = (Seed){&pool->quote_mint, 32};
    seeds[3] = (Seed){&pool->index, 1};
    seeds[4] = (Seed){&pool->bump, 1};
    context->signer = (Signer){seeds, 5};
}

typedef struct {
    const Account *program;
    const Account *mint;
    const Account *from;
    const Account *to;
    const Account *authority;
} Route;

// TransferChecked; the pool signs when `signers` is 1, the transaction's own signer when it is 0.
static u64 transfer(Context *context, const Route *route, u64 amount, u64 signers) {
    set_meta(context, 0, route->from->key, 1, 0);
    set_meta(context, 1, route->mint->key, 0, 0);
    set_meta(context, 2, route->to->key, 1, 0);
    set_meta(context, 3, route->authority->key, 0, 1);
    context->call_data[0] = TRANSFER_CHECKED;
    write_u64(context->call_data + 1, amount);
    context->call_data[9] = route->mint->data[MINT_DECIMALS_AT];
    context->call = (Call){route->program->key, context->metas, 4, context->call_data, 10};
    return sol_invoke_signed_c(&context->call, context->accounts, context->count,
                               &context->signer, signers);
}

// The accounts of a swap or withdrawal: pool, signer, two of the user's, two vaults, two mints,
// two token programs. All that belongs to the pool must be exactly what it was created with.
static int check_pool(const Context *context) {
    const Account *a = context->accounts;
    if (context->count != 10) return INVALID_INSTRUCTION;
    if (!same(a[0].owner, context->program) || a[0].data_len != POOL_LENGTH) return WRONG_ACCOUNT;
    const Pool *pool = (const Pool *)a[0].data;
    if (pool->magic != POOL_MAGIC) return WRONG_ACCOUNT;
    if (!same(a[8].key, &pool->base_program) || !same(a[9].key, &pool->quote_program))
        return WRONG_PROGRAM;
    if (!same(a[4].key, &pool->base_vault) || !same(a[5].key, &pool->quote_vault) ||
        !same(a[6].key, &pool->base_mint) || !same(a[7].key, &pool->quote_mint))
        return WRONG_ACCOUNT;
    if (!a[1].is_signer) return WRONG_ACCOUNT;
    if (!is_token_account(&a[2], a[8].key, a[6].key) ||
        !is_token_account(&a[3], a[9].key, a[7].key))
        return WRONG_ACCOUNT;
    if (same(a[2].key, a[4].key) || same(a[3].key, a[5].key)) return WRONG_ACCOUNT;
    return 0;
}

// tag 0, bump, index, fee_bps u16. Accounts: pool, admin, base vault, quote vault, base mint,
// quote mint, base token program, quote token program, system program.
static int check_new_pool(Context *context) {
    const Account *a = context->accounts;
    if (context->count != 9 || context->data_len != 5) return INVALID_INSTRUCTION;
    if (!is_token_program(a[6].key) || !is_token_program(a[7].key)) return WRONG_PROGRAM;
    if (!same(a[8].key, &SYSTEM_PROGRAM)) return WRONG_PROGRAM;
    if (!same(a[4].owner, a[6].key) || !same(a[5].owner, a[7].key)) return WRONG_ACCOUNT;
    if (a[4].data_len < MINT_LENGTH || a[5].data_len < MINT_LENGTH) return WRONG_ACCOUNT;
    if (same(a[4].key, a[5].key) || !a[1].is_signer) return WRONG_ACCOUNT;
    if (!is_vault(&a[2], &a[4], &a[6], a[0].key)) return WRONG_ACCOUNT;
    if (!is_vault(&a[3], &a[5], &a[7], a[0].key)) return WRONG_ACCOUNT;
    return 0;
}

static u64 create_pool_account(Context *context, u64 lamports) {
    const Account *a = context->accounts;
    u8 *data = context->call_data;  // CreateAccount: u32 tag 0, lamports, space, owner
    write_u64(data, 0);
    write_u64(data + 4, lamports);
    write_u64(data + 12, POOL_LENGTH);
    for (int i = 0; i < 4; i++) write_u64(data + 20 + 8 * i, context->program->word[i]);
    set_meta(context, 0, a[1].key, 1, 1);
    set_meta(context, 1, a[0].key, 1, 1);
    context->call = (Call){&SYSTEM_PROGRAM, context->metas, 2, data, 52};
    return sol_invoke_signed_c(&context->call, a, context->count, &context->signer, 1);
}

static void fill_pool(const Context *context, Pool *pool) {
    const Account *a = context->accounts;
    pool->magic = POOL_MAGIC;
    pool->bump = context->data[1];
    pool->index = context->data[2];
    pool->paused = pool->pad0 = 0;
    pool->fee_bps = (u16)(context->data[3] | context->data[4] << 8);
    pool->pad1 = 0;
    pool->admin = *a[1].key;
    pool->base_mint = *a[4].key;
    pool->quote_mint = *a[5].key;
    pool->base_vault = *a[2].key;
    pool->quote_vault = *a[3].key;
    pool->base_program = *a[6].key;
    pool->quote_program = *a[7].key;
}

// Rent as of the classic schedule: (128 + length) * 3480 * 2. The runtime refuses less than what
// it asks for; more is harmless.
static u64 initialize(Context *context) {
    int error = check_new_pool(context);
    if (error) return error;
    Account *account = &context->accounts[0];
    Pool *pool = (Pool *)(HEAP + sizeof(Context));
    fill_pool(context, pool);
    if (pool->fee_bps >= BPS) return WRONG_AMOUNT;
    pool_signs(context, pool);
    if (sol_create_program_address(context->seeds, 5, context->program, &context->derived))
        return WRONG_ACCOUNT;
    if (!same(&context->derived, account->key)) return WRONG_ACCOUNT;
    u64 failed = create_pool_account(context, (128 + POOL_LENGTH) * 6960ULL);
    if (failed) return failed;
    *(Pool *)account->data = *pool;
    return 0;
}

// tag 1, buys_base, amount_in u64, min_out u64.
static u64 swap(Context *context) {
    if (context->data_len != 18 || context->data[1] > 1) return INVALID_INSTRUCTION;
    int error = check_pool(context);
    if (error) return error;
    const Account *a = context->accounts;
    const Pool *pool = (const Pool *)a[0].data;
    if (pool->paused) return PAUSED;
    int in = context->data[1], out = 1 - in;  // 0 is base, 1 is quote
    const Account *vault_in = &a[4 + in], *vault_out = &a[4 + out], *user_out = &a[2 + out];
    u64 reserve_in = token_amount(vault_in), reserve_out = token_amount(vault_out);
    u64 user_before = token_amount(user_out);

    Route pay = {&a[8 + in], &a[6 + in], &a[2 + in], vault_in, &a[1]};
    u64 failed = transfer(context, &pay, read_u64(context->data + 2), 0);
    if (failed) return failed;
    u64 received = token_amount(vault_in) - reserve_in;
    u64 effective = multiply_divide(received, BPS - pool->fee_bps, BPS);
    if (effective == 0 || reserve_in == 0) return WRONG_AMOUNT;
    u64 amount_out = multiply_divide(reserve_out, effective, reserve_in + effective);

    pool_signs(context, pool);
    Route deliver = {&a[8 + out], &a[6 + out], vault_out, user_out, &a[0]};
    failed = transfer(context, &deliver, amount_out, 1);
    if (failed) return failed;
    u64 delivered = token_amount(user_out) - user_before;
    return delivered < read_u64(context->data + 10) ? SLIPPAGE : 0;
}

// tag 2, base amount u64, quote amount u64.
static u64 withdraw(Context *context) {
    if (context->data_len != 17) return INVALID_INSTRUCTION;
    int error = check_pool(context);
    if (error) return error;
    const Account *a = context->accounts;
    const Pool *pool = (const Pool *)a[0].data;
    if (!same(a[1].key, &pool->admin)) return NOT_ADMIN;
    pool_signs(context, pool);
    for (int side = 0; side < 2; side++) {
        u64 amount = read_u64(context->data + 1 + 8 * side);
        if (amount == 0) continue;
        Route route = {&a[8 + side], &a[6 + side], &a[4 + side], &a[2 + side], &a[0]};
        u64 failed = transfer(context, &route, amount, 1);
        if (failed) return failed;
    }
    return 0;
}

// tag 3, fee_bps u16, paused. Accounts: pool, admin.
static u64 set_params(Context *context) {
    Account *a = context->accounts;
    if (context->data_len != 4 || context->count != 2) return INVALID_INSTRUCTION;
    if (!same(a[0].owner, context->program) || a[0].data_len != POOL_LENGTH) return WRONG_ACCOUNT;
    Pool *pool = (Pool *)a[0].data;
    if (pool->magic != POOL_MAGIC) return WRONG_ACCOUNT;
    if (!a[1].is_signer || !same(a[1].key, &pool->admin)) return NOT_ADMIN;
    u16 fee_bps = (u16)(context->data[1] | context->data[2] << 8);
    if (fee_bps >= BPS || context->data[3] > 1) return WRONG_AMOUNT;
    pool->fee_bps = fee_bps;
    pool->paused = context->data[3];
    return 0;
}

u64 entrypoint(u8 *input) {
    Context *context = (Context *)HEAP;
    int error = read_input(context, input);
    if (error) return error;
    if (context->data_len == 0) return INVALID_INSTRUCTION;
    switch (context->data[0]) {
        case 0: return initialize(context);
        case 1: return swap(context);
        case 2: return withdraw(context);
        case 3: return set_params(context);
        default: return INVALID_INSTRUCTION;
    }
}
