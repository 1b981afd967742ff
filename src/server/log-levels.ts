/** How much is logged: each level with all that stand before it. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;
/** Each has what those before it have. */
export type LogLevel = (typeof LOG_LEVELS)[number];
