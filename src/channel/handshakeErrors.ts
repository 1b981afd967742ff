/** How a handshake fails. */
import { ChannelError } from './channel.ts';

/** The other end is not the peer it says it is, or not of this session: a listener turns it away and listens on. */
export class StrangerError extends ChannelError {}

/** The other end hung up or fell silent before all was said: if it is the true peer, another connection may come through. */
export class HungUpError extends ChannelError {}

/** The peer proved who it is, and has another session in mind. */
export class OtherSessionError extends StrangerError {}

/** The peer proved who it is, and has another configuration. */
export class MismatchError extends ChannelError {}

/** The peer proved who it is, and no longer has the link that was to go on. */
export class LostLinkError extends ChannelError {}
