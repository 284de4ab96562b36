// Where something comes from, with links to the preprints that it names.
import { piecesOf } from "../citation";

export const Source = ({ text }: { text: string }) => (
  <>
    {piecesOf(text).map(({ text: piece, address }) =>
      address ? (
        <a key={piece} href={address} rel="noreferrer noopener">
          {piece}
        </a>
      ) : (
        <span key={piece}>{piece}</span>
      ),
    )}
  </>
);
